"""The inspection report: the findings on every row of the dataset and on the model's files."""

from .inspection_report import InspectionReport, Lengths, Mapping, Percentiles, Quality
from .model_facts import ModelFacts
from .problem import Problem, ProblemCode, Severity
from .suggestion import Suggestion
from .suspects import SuspectKind, Suspects

__all__ = [
    "InspectionReport",
    "Lengths",
    "Mapping",
    "ModelFacts",
    "Percentiles",
    "Problem",
    "ProblemCode",
    "Quality",
    "Severity",
    "Suggestion",
    "SuspectKind",
    "Suspects",
]
