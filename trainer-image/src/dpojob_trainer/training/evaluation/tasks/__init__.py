"""Benchmark tasks by lm-evaluation-harness: both models on the same samples, and what the difference shows.

The package imports none of its modules: lm-eval is imported only where tasks are asked for.
"""

__all__ = ["task_runner"]
