"""A series per running job and figure, with its namespace and name, which ends with the job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dpojob_api.constants import TRAINING_METRIC_PREFIX
from dpojob_api.progress import Progress

GIB = 2.0**30
JOB_LABELS = ["namespace", "name"]
FIGURES: Mapping[str, tuple[str, str, float]] = {
    "step": ("step", "Optimizer steps done.", 1),
    "max_steps": ("max_steps", "Optimizer steps in all.", 1),
    "loss": ("loss", "Training loss, last logged.", 1),
    "eval_loss": ("eval_loss", "Evaluation loss, last logged.", 1),
    "margin": ("reward_margin", "Mean reward of chosen minus rejected.", 1),
    "eval_margin": ("eval_reward_margin", "The same over the held-out pairs.", 1),
    "accuracy": (
        "reward_accuracy_ratio",
        "Share of training pairs whose chosen answer has the higher reward, 0 to 1.",
        1,
    ),
    "eval_accuracy": ("eval_reward_accuracy_ratio", "The same over the held-out pairs.", 1),
    "eta_seconds": ("eta_seconds", "Time left to the last step.", 1),
    "steps_per_second": ("steps_per_second", "Optimizer steps per second.", 1),
    "peak_memory_gib": ("peak_memory_bytes", "Peak memory of tensors per GPU.", GIB),
    "peak_reserved_gib": (
        "peak_reserved_memory_bytes",
        "Peak memory held by torch per GPU.",
        GIB,
    ),
    "peak_used_gib": (
        "peak_used_memory_bytes",
        "Peak memory in use per GPU as the driver counts it.",
        GIB,
    ),
}
"""For each field of Progress the metric's name after its prefix, what it is, and what one of the field's units is
in the metric's."""


class RunningJobs(Collector):
    """The newest figures of each running job, read at the moment of a scrape."""

    FAMILIES: Mapping[str, tuple[str, Sequence[str]]] = {
        **{
            f"{TRAINING_METRIC_PREFIX}{name}": (help_, JOB_LABELS)
            for name, help_, _ in FIGURES.values()
        },
        f"{TRAINING_METRIC_PREFIX}healthy": (
            "1 while no health guard objects, else 0.",
            JOB_LABELS,
        ),
        f"{TRAINING_METRIC_PREFIX}budget_used_ratio": (
            "Share of the budget's nearer limit that is used, 0 to 1; no series without a budget.",
            JOB_LABELS,
        ),
        f"{TRAINING_METRIC_PREFIX}unreachable": (
            "1 while the pod runs and its progress cannot be read, else 0.",
            JOB_LABELS,
        ),
    }

    def __init__(self) -> None:
        self.progress: dict[tuple[str, str], Progress] = {}
        self.budget_used: dict[tuple[str, str], float] = {}
        self.unreachable: dict[tuple[str, str], bool] = {}

    def remove(self, key: tuple[str, str]) -> None:
        """Ends the series of a job that no longer runs."""
        for figures in (self.progress, self.budget_used, self.unreachable):
            figures.pop(key, None)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One gauge per metric, one sample per running job that has it."""
        for field, (name, _, factor) in FIGURES.items():
            reported = {
                key: value * factor
                for key, progress in self.progress.items()
                if (value := getattr(progress, field)) is not None
            }
            yield self._family(name, reported)
        yield self._family("healthy", {k: p.health.healthy for k, p in self.progress.items()})
        yield self._family("budget_used_ratio", self.budget_used)
        yield self._family("unreachable", self.unreachable)

    def _family(
        self, name: str, values: Mapping[tuple[str, str], float | bool]
    ) -> GaugeMetricFamily:
        full = f"{TRAINING_METRIC_PREFIX}{name}"
        help_, labels = self.FAMILIES[full]
        family = GaugeMetricFamily(full, help_, labels=labels)
        for key, value in values.items():
            family.add_metric(key, float(value))
        return family


RUNNING = RunningJobs()
REGISTRY.register(RUNNING)
