"""The API of DPOJob: resources, inspection report, plan and progress, as pydantic models.

All other packages import this one; it imports none of them, and of third-party libraries only pydantic.
"""

__all__ = [
    "base",
    "conditions",
    "constants",
    "cost_quota",
    "evaluation",
    "job",
    "plan",
    "progress",
    "quantity",
    "report",
    "shared_training_constants",
    "spelling",
    "status_condition",
    "value_display",
]
