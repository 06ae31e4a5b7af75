"""The termination message fits, whatever was said; and every failure has its reason."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpojob_api.names import TERMINATION_MESSAGE_BYTES, ExitCode
from dpojob_api.progress import Artifacts, Health, Outcome, Progress, Sample
from dpojob_trainer.training import termination
from dpojob_trainer.training.failure import exit_code, explain

TEXT = st.text(max_size=5000)


@settings(max_examples=60, deadline=None)
@given(
    message=TEXT,
    health=TEXT,
    samples=st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT), max_size=16),
)
def test_any_outcome_fits(message: str, health: str, samples: list[Any]) -> None:
    outcome = Outcome(
        outcome="Failed",
        reason="TrainingFailed",
        message=message,
        progress=Progress(step=3, health=Health(healthy=False, reason="NaNLoss", message=health)),
        artifacts=Artifacts(claim_name="c", path="p"),
        samples=[Sample(prompt=p, before=b, after=a) for p, b, a in samples],
    )
    text = termination.fit(outcome)
    assert len(text) <= TERMINATION_MESSAGE_BYTES
    read = Outcome.model_validate_json(text)
    assert read.progress.step == 3 and read.artifacts == outcome.artifacts


def test_it_is_written_where_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    termination.write(Outcome(outcome="Succeeded", reason="Completed"), path)
    assert json.loads(path.read_text())["reason"] == "Completed"
    termination.write(Outcome(outcome="Succeeded", reason="Completed"), tmp_path / "no" / "where")


class OutOfMemoryError(RuntimeError):
    """As torch.cuda names it."""


def wrapped() -> Exception:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not save") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("error", "reason", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "DiskFull", ExitCode.DISK_FULL),
        (RuntimeError("SafetensorError: I/O error (os error 28)"), "DiskFull", ExitCode.DISK_FULL),
        (wrapped(), "DiskFull", ExitCode.DISK_FULL),
        (OutOfMemoryError("CUDA out of memory. Tried"), "OutOfMemory", ExitCode.OUT_OF_MEMORY),
        (MemoryError(), "OutOfMemory", ExitCode.OUT_OF_MEMORY),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "OutOfMemory",
            ExitCode.OUT_OF_MEMORY,
        ),
        (KeyError("x"), "TrainingFailed", ExitCode.INVALID),
    ],
)
def test_reason_and_exit_status(error: Exception, reason: str, status: int) -> None:
    failure = explain(error)
    assert failure.reason == reason
    assert exit_code(failure.reason) == status
    assert failure.message and "\n" not in failure.message


def test_a_user_error_is_never_retried() -> None:
    for reason in ("InvalidArguments", "ModelNotFound", "OutputOccupied", "DatasetInvalid"):
        assert exit_code(reason) == ExitCode.USER_ERROR
    assert exit_code("Stopped") == ExitCode.INTERRUPTED
    assert exit_code("Unhealthy") == ExitCode.UNHEALTHY
