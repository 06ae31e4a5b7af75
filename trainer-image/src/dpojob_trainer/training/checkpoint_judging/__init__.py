"""evaluation.everyEval: the judge's win rate at each evaluation of the training, by which checkpoints are chosen.

The package imports none of its modules: they import torch, which takes seconds.
"""

__all__ = ["judged_evaluations"]
