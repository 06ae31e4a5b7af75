"""Statistics of an evaluation: intervals of win rates and changes, and paired tests of tasks."""

__all__ = ["confidence_intervals", "paired_results"]
