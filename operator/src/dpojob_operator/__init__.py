"""DPOJob."""
