"""The proxy between operator and API server that injects one fault and records every request."""
