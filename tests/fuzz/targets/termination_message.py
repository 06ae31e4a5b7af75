"""Termination messages of both containers: `decide` ends with a status that the API server accepts."""

from __future__ import annotations

from functools import cache

from tests.fuzz.target import Target
from tests.kit import termination_messages
from tests.kit.builders import (
    NOW,
    POOLS,
    build_snapshot,
    decide_until_stable,
    finished_pod,
    job_snapshot,
    training,
    training_status,
)

from dpojob_api.constants import ExitCode
from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide.steps import decide_with_pools

from .readers import JSON_TOKENS
from .status_schema import check_status

EXIT_CODES = (ExitCode.OK, ExitCode.INVALID, ExitCode.UNREADABLE_INPUT)
"""With these the inspection container writes a report."""
KUBELET_BYTES = 4096
"""The most of a message that the kubelet keeps."""


def _text(data: bytes) -> str:
    return data[:KUBELET_BYTES].decode("utf-8", errors="replace")


@cache
def _waiting_for_inspection() -> DPOJobStatus:
    return decide_with_pools(build_snapshot(), POOLS, NOW).status


@cache
def _waiting_for_training() -> DPOJobStatus:
    return training_status()


def _check_inspection(data: bytes) -> None:
    status = _waiting_for_inspection()
    assert status.inspection is not None
    code = EXIT_CODES[len(data) % len(EXIT_CODES)]
    job = job_snapshot(status.inspection.name, complete=code == 0, failed=code != 0)
    pod = finished_pod("inspect", code, None, termination_message=_text(data))
    snapshot = build_snapshot(status, inspection=job, inspection_pods=(pod,))
    check_status(decide_until_stable(snapshot).status.wire())


def _check_training(data: bytes) -> None:
    status, code = _waiting_for_training(), len(data) % 3
    job = training(status, complete=code == 0, failed=code != 0)
    pod = finished_pod("train", code, None, termination_message=_text(data))
    snapshot = build_snapshot(status, training=job, training_pods=(pod,))
    check_status(decide_until_stable(snapshot).status.wire())


TARGETS = [
    Target(
        "inspection-message",
        _check_inspection,
        (termination_messages.valid().encode(), termination_messages.invalid().encode(), b"Traceback"),
        (*JSON_TOKENS, '"valid":true', '"parameters":', '"p95":', '"suggestion":', '"error":"', '"reason":"'),
    ),
    Target(
        "training-message",
        _check_training,
        tuple(
            text.encode()
            for text in (
                termination_messages.trained(),
                termination_messages.interrupted(),
                termination_messages.out_of_memory(),
            )
        ),
        (*JSON_TOKENS, '"outcome":"Failed"', '"samples":[{"prompt":"', '"evaluation":{', '"resumedFrom":'),
    ),
]  # fmt: skip
