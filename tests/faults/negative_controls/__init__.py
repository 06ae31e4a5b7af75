"""Operators that break the promise, in which the harness must find violations."""
