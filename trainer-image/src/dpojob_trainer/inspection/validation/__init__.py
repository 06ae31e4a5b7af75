"""TODO: what validation holds."""
