"""What a task does with one block of customers beside all items, in numpy, scipy and Arrow. Runs on workers: nothing of Spark or of settings."""
