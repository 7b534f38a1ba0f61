"""Product images by a class-conditional GAN. The loop knows no Spark, the launch knows no network, and nothing else imports torch."""
