"""TODO: what export holds."""
