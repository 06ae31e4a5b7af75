"""The `dpojob` command, also `kubectl dpo`: inspects, plans and trains, or works with a cluster's jobs.

`main` is the entry point, `commands` has a module for each command, `views` formats what they print,
and `trainer_bridge` alone calls the trainer package.
"""

__all__ = ["main"]
