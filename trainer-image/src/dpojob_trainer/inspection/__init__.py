"""Inspection: every row of the dataset and the model's own files, before a GPU is requested.

Needs neither torch nor transformers; the trainer uses `accepted_rows` of the same package, so that
what was accepted is what is trained on.
"""

from dpojob_trainer.shared.errors import InspectionError

from .model import hash_weights, open_model, read_facts
from .pipeline import inspect
from .report import render_page, summary
from .scan import (
    PromptFileError,
    accepted_rows,
    evaluation_rows,
    is_conversational,
    leave_out_pandas,
    report_rows,
)
from .training_arguments import check_arguments

__all__ = [
    "InspectionError",
    "PromptFileError",
    "accepted_rows",
    "check_arguments",
    "evaluation_rows",
    "hash_weights",
    "inspect",
    "is_conversational",
    "leave_out_pandas",
    "open_model",
    "read_facts",
    "render_page",
    "report_rows",
    "summary",
]
