"""The best checkpoint of a resumed run, and the step whose weights a run ends with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from . import checkpoints

log = logging.getLogger(__name__)


class BestCheckpoint(TrainerCallback):  # type: ignore[misc]
    """Corrects the best checkpoint in a resumed state: it may be lost, or the volume mounted elsewhere.

    Damaged checkpoints have been removed before.
    """

    def __init__(self, root: Path, notes: list[str]) -> None:
        self._root = root
        self._notes = notes

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Prepare before the first step of this process."""
        resumed = checkpoints.find_step(self._root, state.global_step)
        best = None if resumed is None else checkpoints.best_of(resumed)
        if best is None or not args.load_best_model_at_end:
            return
        if (self._root / best / checkpoints.MANIFEST).is_file():
            state.best_model_checkpoint = str(self._root / best)
            return
        choose_best(self._root, args, state)
        kept = state.best_global_step
        instead = "the best from here on" if kept is None else f"the next best, of step {kept},"
        note = f"the best checkpoint so far, {best}, was lost or damaged; {instead} counts instead"
        log.warning("%s", note)
        self._notes.append(note)


def choose_best(root: Path, args: Any, state: Any) -> None:
    """Choose the best among the evaluated steps whose checkpoints exist, by the metric in `args`."""
    metric = "eval_" + args.metric_for_best_model.removeprefix("eval_")
    values = {r["step"]: r[metric] for r in state.log_history if metric in r}
    remaining = {step: path for step in values if (path := checkpoints.find_step(root, step))}
    best = (max if args.greater_is_better else min)(remaining, key=values.__getitem__, default=None)
    state.best_global_step = best
    state.best_metric = None if best is None else values[best]
    state.best_model_checkpoint = None if best is None else str(remaining[best])


def kept_step(trainer: Any) -> int:
    """The step whose weights a finished run ended with."""
    state, best = trainer.state, trainer.state.best_model_checkpoint
    if not trainer.args.load_best_model_at_end or best is None:
        return int(state.global_step)
    return checkpoints.step_of(Path(best))
