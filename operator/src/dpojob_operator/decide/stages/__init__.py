"""The stages of a decision, in order, and the checks that several of them share.

Each stage takes the `StatusBuilder` and returns whether the next stage may run.
"""

from .dependency import resolve_dependency
from .inspection import inspect_dataset
from .output_lock import check_output_lock
from .planning import choose_plan
from .stale_jobs import delete_stale_trainings
from .training import run_training

STAGES = (
    delete_stale_trainings,
    resolve_dependency,
    check_output_lock,
    inspect_dataset,
    choose_plan,
    run_training,
)
"""In the order in which a job goes through them; the first that returns False ends the pass."""

__all__ = ["STAGES"]
