"""Training containers as processes of this machine, and adapters to start from."""
