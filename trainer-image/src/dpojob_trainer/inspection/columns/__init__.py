"""TODO: what columns holds."""
