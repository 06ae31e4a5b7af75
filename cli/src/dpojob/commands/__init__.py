"""The commands, a module each: `run` takes the parsed options and returns the exit status.

`request` holds what `inspect`, `plan` and `train` share. The modules are imported one at a time, when
a command runs, because some import large libraries.
"""

__all__ = ["cancel", "evaluate", "inspect", "logs", "plan", "status", "suspension", "train", "ui"]
