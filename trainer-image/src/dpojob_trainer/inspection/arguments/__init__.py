"""`training.arguments` against TRL's DPOConfig, without TRL: a table made from it is checked in."""

from .check import check_arguments, check_pad_token
from .trackers import check_trackers

__all__ = ["check_arguments", "check_pad_token", "check_trackers"]
