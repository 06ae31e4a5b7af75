"""Mutation testing of `decide` and of the planner: `python -m bench.mutation` (docs/mutation.md)."""
