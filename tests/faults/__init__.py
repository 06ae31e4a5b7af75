"""The promise of docs/promise.md, held against a real API server: `python -m tests.faults --help`."""
