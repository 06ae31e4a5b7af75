"""Judges, which compare both models' answers: a reward model, an API, or a program of the user's.

`open_judge` makes the one that spec.evaluation names. A judge that cannot judge raises JudgeError, whose
message is for the user.
"""

from .dispatch import open_judge
from .judge import Comparison, Exchange, Judge, JudgeError

__all__ = ["Comparison", "Exchange", "Judge", "JudgeError", "open_judge"]
