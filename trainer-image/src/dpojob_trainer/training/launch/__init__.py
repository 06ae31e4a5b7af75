"""TODO: what launch holds."""
