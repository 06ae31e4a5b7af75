"""What image builds by Docker need on a machine without a Docker engine and without Docker Hub."""
