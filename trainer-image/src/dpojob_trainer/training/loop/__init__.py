"""TODO: what loop holds."""
