"""`training.arguments` against TRL's DPOConfig, without TRL: a table made from it is checked in."""

from .check import check_arguments
from .trackers import check_trackers

__all__ = ["check_arguments", "check_trackers"]
