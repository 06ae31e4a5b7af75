"""A row of each known layout, and the pair that it holds."""

from .comparisons import COMPARISONS
from .datasets import DATASETS
from .messages import ASKED, EXPECTED, answer, turns
from .services import SERVICES

PRESET_ROWS = [*DATASETS, *SERVICES, *COMPARISONS]

__all__ = ["ASKED", "EXPECTED", "PRESET_ROWS", "answer", "turns"]
