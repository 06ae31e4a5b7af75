"""Curves of a training, put together from what the cluster reports while the page is open."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dpojob_api.progress import Progress

SERIES = (
    "loss", "eval_loss", "margin", "eval_margin", "accuracy", "eval_accuracy", "chosen_logps",
    "rejected_logps", "grad_norm", "learning_rate",
)  # fmt: skip
"""Fields of Progress that are drawn."""
MAX_POINTS = 2000
"""The most points of a curve; every second point of a longer one is left out."""


class Curve:
    """Figures of one training by optimizer step.

    A step that comes again, as after a resume from a checkpoint, replaces the earlier one.
    """

    def __init__(self) -> None:
        self._points: dict[int, dict[str, float]] = {}
        self._evaluated: dict[str, float | None] = {}
        """The evaluation's figures of the newest status."""

    def __len__(self) -> int:
        return len(self._points)

    def add(self, step: int, figures: Mapping[str, float | None]) -> bool:
        """Adds the figures of a step.

        Args:
            step: Optimizer steps done.
            figures: By name of the series; those that are no finite number are left out.

        Returns:
            Whether the curve changed.
        """
        known = {
            name: float(value)
            for name, value in figures.items()
            if name in SERIES and value is not None and math.isfinite(value)
        }
        before = self._points.get(step, {})
        if not known or before == before | known:
            return False
        self._points[step] = before | known
        if len(self._points) > MAX_POINTS:
            steps = sorted(self._points)
            for left_out in steps[1:-1:2]:
                del self._points[left_out]
        return True

    def add_progress(self, progress: Progress) -> bool:
        """Adds the newest figures of a status.

        A status repeats the figures of the newest evaluation at every later step; they count at the step
        at which they were seen first.

        Args:
            progress: The status's progress.

        Returns:
            Whether the curve changed.
        """
        if progress.step <= 0:
            return False
        figures = {name: getattr(progress, name) for name in SERIES}
        evaluated = {name: value for name, value in figures.items() if name.startswith("eval_")}
        for name, value in evaluated.items():
            if value == self._evaluated.get(name):
                del figures[name]
        self._evaluated = evaluated
        return self.add(progress.step, figures)

    def points(self) -> list[tuple[int, dict[str, float]]]:
        """Lists the points.

        Returns:
            Steps with their figures, in ascending order.
        """
        return sorted(self._points.items())

    def columns(self) -> dict[str, list[float | None]]:
        """Arranges the curve as charts read it.

        Returns:
            "step" with the steps in ascending order, and every series that has a point, with None at
            steps without one.
        """
        steps = sorted(self._points)
        found: dict[str, list[float | None]] = {"step": list(steps)}
        for name in SERIES:
            column = [self._points[step].get(name) for step in steps]
            if any(value is not None for value in column):
                found[name] = column
        return found
