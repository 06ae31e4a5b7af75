"""The best checkpoint: found where it lies now, and told of only where its weights are the model's."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from . import checkpoints

log = logging.getLogger(__name__)


class Best(TrainerCallback):  # type: ignore[misc]
    """Corrects what a resumed state says of the best: it may be lost, or have moved with the volume.

    Damaged checkpoints are gone by then.
    """

    def __init__(self, root: Path, notes: list[str]) -> None:
        self._root = root
        self._notes = notes

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Before the first step, or the next one."""
        resumed = checkpoints.at(self._root, state.global_step)
        best = None if resumed is None else checkpoints.best_of(resumed)
        if best is None or not args.load_best_model_at_end:
            return
        if (self._root / best / checkpoints.SEAL).is_file():
            state.best_model_checkpoint = str(self._root / best)
            return
        self._choose_anew(args, state)
        kept = state.best_global_step
        instead = "the best from here on" if kept is None else f"the next best, of step {kept},"
        note = f"the best checkpoint so far, {best}, was lost or damaged; {instead} counts instead"
        log.warning("%s", note)
        self._notes.append(note)

    def _choose_anew(self, args: Any, state: Any) -> None:
        """Among the evaluated steps whose checkpoints are left."""
        metric = "eval_" + args.metric_for_best_model.removeprefix("eval_")
        figures = {r["step"]: r[metric] for r in state.log_history if metric in r}
        left = {step: path for step in figures if (path := checkpoints.at(self._root, step))}
        best = (max if args.greater_is_better else min)(left, key=figures.__getitem__, default=None)
        state.best_global_step = best
        state.best_metric = None if best is None else figures[best]
        state.best_model_checkpoint = None if best is None else str(left[best])


def kept_step(trainer: Any) -> int:
    """The step whose weights a run that is over ended with."""
    state, best = trainer.state, trainer.state.best_model_checkpoint
    if not trainer.args.load_best_model_at_end or best is None:
        return int(state.global_step)
    return checkpoints.step_of(Path(best))
