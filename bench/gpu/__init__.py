"""A benchmark of one card for at most 8 minutes, and how its figures come into the planner (docs/gpu.md)."""
