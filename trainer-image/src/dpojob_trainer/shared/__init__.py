"""TODO: what shared holds."""
