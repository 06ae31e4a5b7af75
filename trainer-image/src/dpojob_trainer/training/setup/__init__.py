"""TODO: what setup holds."""
