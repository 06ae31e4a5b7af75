"""Views built with rich: inspection reports, plans, job status and training progress.

A view formats one API object for a terminal and does no I/O, except the two live displays.
"""

__all__ = [
    "evaluation_view",
    "phase_styles",
    "plan_view",
    "progress_bar",
    "report_view",
    "status_view",
    "tables",
    "training_view",
]
