"""What is collected: the registered pairs, asked and answered."""
