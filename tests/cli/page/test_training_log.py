"""Curves from what TRL's trainer prints in the log of the training pod."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.cli.page_jobs import progress, training

from dpojob.page.curves import Curve
from dpojob.page.job_store import JobStore
from dpojob.page.training_log import add_line, first_process_pod, read_record

TRAIN = (
    b"{'loss': '0.6931', 'grad_norm': '1.25', 'learning_rate': '5e-06', 'logits/chosen': '-0.3', "
    b"'rewards/margins': '-0.0012', 'rewards/accuracies': '0.5', 'num_tokens': 1024, 'epoch': '0.1'}"
)
EVAL = b"{'eval_loss': '0.5', 'eval_runtime': '3.2', 'eval_rewards/margins': '0.4', 'epoch': '0.5'}"


def test_records_of_training_and_evaluation_are_read() -> None:
    assert read_record(TRAIN) == (0.1, {
        "loss": 0.6931, "grad_norm": 1.25, "learning_rate": 5e-6, "margin": -0.0012, "accuracy": 0.5,
    })  # fmt: skip
    assert read_record(EVAL) == (0.5, {"eval_loss": 0.5, "eval_margin": 0.4})


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"2026-01-01 INFO dpojob: loading", b"{'train_runtime': '9.1', 'epoch': '1'}",
        b"{'loss': 'nan', 'epoch': '1'}", b"{'loss': '0.5'}", b"{'loss': '0.5', 'epoch': '-1'}",
        b"{'loss': '0.5', 'epoch': '1e9'}", b"{'loss': '1.2.3', 'epoch': '1'}", b"{'loss': '0.5', 'epoch': '1'",
        b"{'x': '" + b"1" * 10_000 + b"', 'loss': '1', 'epoch': '1'}", b"{'\xff': '1', 'epoch': '1'}",
    ],
)  # fmt: skip
def test_other_lines_are_no_records(line: bytes) -> None:
    assert read_record(line) is None


@pytest.mark.train
def test_the_trainers_own_printer_writes_such_records(capsys: pytest.CaptureFixture[str]) -> None:
    callbacks = pytest.importorskip("transformers.trainer_callback")
    logs = {"loss": 0.693147, "rewards/margins": 1e-7, "num_tokens": 12, "epoch": 0.025}
    state = callbacks.TrainerState(is_local_process_zero=True)
    callbacks.PrinterCallback().on_log(None, state, None, logs=logs)
    printed = capsys.readouterr().out.strip().encode()
    assert read_record(printed) == (0.025, {"loss": 0.6931, "margin": 1e-7})


def test_the_logs_curve_begins_at_the_first_step_and_the_status_adds_earlier_attempts() -> None:
    store = JobStore()
    for step in (3, 50):
        store.put_job(training("helpful", progress=progress(step, loss=1.0, epoch=step / 100)))
    store.log_curves["uid-team-a-helpful"] = logged = Curve()
    for line in (TRAIN, b"noise", EVAL):
        add_line(logged, line)
    job = store.job("team-a", "helpful")
    assert job is not None
    curve, from_log = store.curve(job)
    assert from_log
    columns = curve.columns()
    assert columns["step"] == [3, 10, 50], "0.1 and 0.5 of 100 steps an epoch"
    assert columns["loss"] == [1.0, 0.6931, None]
    assert columns["eval_loss"] == [None, None, 0.5]


def pod(
    name: str, created: str, phase: str = "Running", index: str | None = None
) -> dict[str, Any]:
    labels = {} if index is None else {"batch.kubernetes.io/job-completion-index": index}
    metadata = {"name": name, "creationTimestamp": created, "labels": labels}
    return {"metadata": metadata, "status": {"phase": phase}}


def test_the_newest_pod_of_the_first_process_has_the_log() -> None:
    pods = [
        pod("old", "2026-01-01T00:00:00Z", "Failed", "0"),
        pod("first", "2026-01-01T01:00:00Z", "Running", "0"),
        pod("second", "2026-01-01T01:00:01Z", "Running", "1"),
        pod("next", "2026-01-01T02:00:00Z", "Pending", "0"),
    ]
    assert first_process_pod(pods) == "first"
    assert first_process_pod([pod("only", "2026-01-01T00:00:00Z")]) == "only"
    assert first_process_pod([]) is None
