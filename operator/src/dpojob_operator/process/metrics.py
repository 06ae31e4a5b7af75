"""Prometheus metrics of the operator's work and of each running job.

A running job's series carry its namespace and name, and end with it, so that their number follows
the running jobs and not the cluster's history.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dpojob_api.constants import TRAINING_METRIC_PREFIX
from dpojob_api.progress import Progress

RECONCILES = Counter("dpojob_reconciles_total", "Passes over one key, by result.", ["result"])
RECONCILE_SECONDS = Histogram("dpojob_reconcile_seconds", "Time of one pass over one key.")
QUEUE_DEPTH = Gauge("dpojob_queue_depth", "Keys waiting for a worker.")
API_REQUESTS = Counter(
    "dpojob_api_requests_total",
    "Requests to the API server, by verb, resource and HTTP status.",
    ["verb", "resource", "code"],
)
STATUS_WRITES = Counter("dpojob_status_writes_total", "Status writes that succeeded.")
CREATED = Counter("dpojob_created_jobs_total", "Child Jobs created, by stage.", ["stage"])
FINISHED = Counter(
    "dpojob_finished_total",
    "DPOJobs that ended, counted after the status was written.",
    ["condition", "reason"],
)
EVALUATIONS = Counter(
    "dpojob_evaluations_total",
    "Finished DPOJobs that asked a judge, by the condition Improved and its reason.",
    ["improved", "reason"],
)
WIN_RATE = Histogram(
    "dpojob_evaluation_win_rate_ratio",
    "Win rates of tuned models, 0 to 1.",
    buckets=[0.1 * tenth for tenth in range(1, 10)],
)
JUDGE_TOKENS = Counter(
    "dpojob_judge_tokens_total", "Tokens that judges behind an API read and wrote.", ["direction"]
)
PHASES = Gauge("dpojob_jobs", "DPOJobs by phase, as of the last resync.", ["phase"])
RESYNC_TIME = Gauge("dpojob_last_resync_timestamp_seconds", "When all DPOJobs were last listed.")

JOB_METRICS = {
    "step": (f"{TRAINING_METRIC_PREFIX}step", "Optimizer steps done."),
    "max_steps": (f"{TRAINING_METRIC_PREFIX}max_steps", "Optimizer steps in all."),
    "loss": (f"{TRAINING_METRIC_PREFIX}loss", "Training loss, last logged."),
    "eval_loss": (f"{TRAINING_METRIC_PREFIX}eval_loss", "Evaluation loss, last logged."),
    "margin": (f"{TRAINING_METRIC_PREFIX}reward_margin", "Mean reward of chosen minus rejected."),
    "eval_margin": (
        f"{TRAINING_METRIC_PREFIX}eval_reward_margin",
        "The same over the held-out pairs.",
    ),
    "accuracy": (
        f"{TRAINING_METRIC_PREFIX}reward_accuracy",
        "Share of training pairs whose chosen answer has the higher reward.",
    ),
    "eval_accuracy": (
        f"{TRAINING_METRIC_PREFIX}eval_reward_accuracy",
        "The same over the held-out pairs.",
    ),
    "eta_seconds": (f"{TRAINING_METRIC_PREFIX}eta_seconds", "Seconds to the last step."),
    "steps_per_second": (
        f"{TRAINING_METRIC_PREFIX}steps_per_second",
        "Optimizer steps per second.",
    ),
    "peak_memory_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_memory_gib",
        "Peak memory of tensors per GPU, GiB.",
    ),
    "peak_reserved_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_reserved_memory_gib",
        "Peak memory held by torch per GPU, GiB.",
    ),
    "peak_used_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_used_memory_gib",
        "Peak memory in use per GPU as the driver counts it, GiB.",
    ),
}
"""Fields of Progress that have a series per running job."""


class RunningJobs(Collector):
    """The newest progress of each running job, read at the moment of a scrape."""

    def __init__(self) -> None:
        self.progress: dict[tuple[str, str], Progress] = {}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One gauge per metric, one sample per running job that has it."""
        for field, (name, help_) in JOB_METRICS.items():
            family = GaugeMetricFamily(name, help_, labels=["namespace", "name"])
            for key, progress in self.progress.items():
                value = getattr(progress, field)
                if value is not None:
                    family.add_metric(key, float(value))
            yield family


RUNNING = RunningJobs()
REGISTRY.register(RUNNING)
