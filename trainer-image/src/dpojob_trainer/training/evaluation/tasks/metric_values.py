"""What one model reached in a task: a number for each sample, by metric; kept as JSON for a later attempt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Sample = tuple[str, int, str]
"""A sample: its task, its number there, and the hash of its content."""


class TaskError(Exception):
    """A task cannot be run or compared; the message says why."""


@dataclass(frozen=True)
class MetricValues:
    """One model's values in all samples of a task, by one metric."""

    metric: str
    filter: str
    """The filter of the answers that the metric is computed on; `none` where there is one only."""
    higher_is_better: bool
    values: dict[Sample, float]

    @property
    def name(self) -> str:
        """The metric, with its filter where the task has several."""
        return self.metric if self.filter == "none" else f"{self.metric},{self.filter}"

    def wire(self) -> dict[str, Any]:
        """Convert to JSON."""
        samples = [[*sample, value] for sample, value in self.values.items()]
        return {
            "metric": self.metric,
            "filter": self.filter,
            "higherIsBetter": self.higher_is_better,
            "samples": samples,
        }

    @classmethod
    def from_wire(cls, found: dict[str, Any]) -> MetricValues:
        """The same from JSON."""
        values = {
            (task, number, content): value for task, number, content, value in found["samples"]
        }
        return cls(found["metric"], found["filter"], found["higherIsBetter"], values)


def is_number(value: Any) -> bool:
    """Whether a sample's value can be compared: a finite number, or true or false."""
    try:
        return not isinstance(value, str) and math.isfinite(value)
    except TypeError:
        return False


def choose_metric(found: Sequence[MetricValues], wanted: str | None) -> MetricValues:
    """The metric that is compared: the wanted one, or the first.

    Args:
        found: The values of the model before, of the metrics with a number for each sample.
        wanted: `metric` of the task.

    Raises:
        TaskError: There is no such metric.
    """
    for values in found:
        if wanted in (None, values.metric, f"{values.metric},{values.filter}"):
            return values
    names = ", ".join(dict.fromkeys(values.metric for values in found)) or "none"
    raise TaskError(
        f"metric {wanted} has no number for each sample; those that have: {names}"
        if wanted
        else "no metric of it has a number for each sample, as a paired comparison needs"
    )
