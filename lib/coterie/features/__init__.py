"""From events to daily tables, a running state, customer features and the model's input vector."""
