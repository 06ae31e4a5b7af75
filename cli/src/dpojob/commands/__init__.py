"""The commands, a module each: `run` takes the options and returns the exit status.

`local` has those that work on this machine, `cluster` those on jobs of a cluster, and `job` those that make a job.
The modules are imported one at a time, when a command runs, because some import large libraries.
"""

__all__ = ["cluster", "job", "local"]
