"""Counters and histograms of what the operator did and saw happen; they begin anew with the process."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, Info

from dpojob_api.conditions import Reason
from dpojob_operator.process.version import VERSION

MINUTES = 60.0
HOURS = 60 * MINUTES

BUILD = Info("dpojob_build", "The version of this operator.")
BUILD.info({"version": VERSION})

RECONCILES = Counter("dpojob_reconciles_total", "Passes over one key, by result.", ["result"])
RECONCILE_SECONDS = Histogram("dpojob_reconcile_duration_seconds", "Time of one pass over one key.")
FAILING = Gauge(
    "dpojob_failing_passes",
    "Keys whose last pass failed, other than by a conflict, by the resource that they are of.",
    ["resource"],
)
WORK_QUEUE_DEPTH = Gauge("dpojob_work_queue_depth", "Keys waiting for a worker of the operator.")
API_REQUESTS = Counter(
    "dpojob_api_requests_total",
    "Requests to the API server, by verb, resource and HTTP status.",
    ["verb", "resource", "code"],
)
STATUS_WRITES = Counter("dpojob_status_writes_total", "Status writes that succeeded.")
DROPPED_EVENTS = Counter(
    "dpojob_dropped_events_total",
    "Events on DPOJobs that were given up: refused, failing for long, too many, or left at the end.",
)
CREATED = Counter("dpojob_created_jobs_total", "Child Jobs created, by stage.", ["stage"])

INSPECTIONS = Counter(
    "dpojob_inspections_total",
    "Inspections that gave a verdict, by the reason of the condition DatasetValid.",
    ["reason"],
)
PROBLEMS = Counter(
    "dpojob_inspection_problems_total",
    "DPOJobs whose inspection found a problem, by its code and severity.",
    ["code", "severity"],
)
INSPECTION_SECONDS = Histogram(
    "dpojob_inspection_duration_seconds",
    "Time that an inspection pod ran which ended with a report.",
    buckets=[5, 15, 30, MINUTES, 2 * MINUTES, 5 * MINUTES, 15 * MINUTES, HOURS, 4 * HOURS],
)
QUEUE_WAIT_SECONDS = Histogram(
    "dpojob_queue_wait_seconds",
    "Waits for a node of the pool, each when it ended.",
    ["pool"],
    buckets=[
        5, 15, MINUTES, 5 * MINUTES, 15 * MINUTES, HOURS, 4 * HOURS, 12 * HOURS, 24 * HOURS,
        72 * HOURS,
    ],
)  # fmt: skip
ATTEMPTS = Counter(
    "dpojob_attempts_total",
    "Training attempts that ended, by pool and outcome.",
    ["pool", "outcome"],
)
GPU_SECONDS = Counter(
    "dpojob_gpu_seconds_total",
    "GPU time of training pods, by the job's namespace and the pool.",
    ["namespace", "pool"],
)
COST = Counter(
    "dpojob_cost_total",
    "Price of that GPU time, in the installation's currency.",
    ["namespace", "pool", "currency"],
)
UNHEALTHY = Counter(
    "dpojob_unhealthy_total",
    "Times that a health guard objected to a training, by reason.",
    ["reason"],
)
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

_REASONS = frozenset(Reason)


def known_reason(reason: str) -> str:
    """The reason, or Other: whoever may write a status may write any text as a reason."""
    return reason if reason in _REASONS else "Other"
