"""The body of `GET /progress`: figures that metrics and the status can hold, or a ValueError."""

from __future__ import annotations

import math

from tests.fuzz.target import Target
from tests.kit import termination_messages

from dpojob_api.job import DPOJobStatus
from dpojob_operator.controllers.dpojob.progress_poller import parse
from dpojob_operator.process.metrics.running_jobs import RunningJobs

from .readers import JSON_TOKENS
from .status_schema import check_status

JOBS = RunningJobs()


def _check(data: bytes) -> None:
    try:
        progress = parse(data)
    except ValueError:
        return
    JOBS.progress["namespace", "name"] = progress
    for family in JOBS.collect():
        assert all(math.isfinite(sample.value) for sample in family.samples)
    assert 0 <= progress.percent <= 100
    check_status(DPOJobStatus(progress=progress).wire())


TARGET = Target(
    "progress",
    _check,
    (
        termination_messages.progress(1).wire_json().encode(),
        b'{"health":{"healthy":false,"reason":"Diverged","message":"x"},"startedAt":"2026-01-01T00:00:00Z"}',
        b'{"loss":NaN,"margin":-1e38,"etaSeconds":9007199254740992,"stage":"Other","tokens":1.0}',
    ),
    (
        *JSON_TOKENS,
        '"stepsPerSecond":',
        '"evalLoss":',
        "Infinity",
        "1e39",
        '"epoch":',
        '"notice":"',
    ),
)
