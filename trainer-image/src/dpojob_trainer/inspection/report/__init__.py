"""TODO: what report holds."""
