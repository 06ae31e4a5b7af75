"""Judges, which score a model's answers: a reward model, or a program of the user's.

`open_judge` makes the one that spec.evaluation names. A judge that cannot judge raises JudgeError, whose
message is for the user.
"""

from .dispatch import open_judge
from .judge import Exchange, Judge, JudgeError

__all__ = ["Exchange", "Judge", "JudgeError", "open_judge"]
