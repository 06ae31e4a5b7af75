"""The training itself: TRL's trainer with its rows, callbacks, checkpoints, health guards and samples.

`trainer.train` runs it. The package imports none of its modules: they import torch, which takes seconds
that a run with an early error need not wait for.
"""

__all__ = [
    "attention",
    "best_checkpoint",
    "checkpoints",
    "data",
    "memory",
    "trainer",
]
