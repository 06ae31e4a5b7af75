"""The operator: turns each DPOJob into an inspection Job, a plan and a training Job, and reports their progress.

`main` is the entry point; `controllers` holds what runs, `decide` what is decided.
"""

__all__ = ["main"]
