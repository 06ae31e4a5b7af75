"""The API server for tests: a client for event loops, and the paths of collections."""
