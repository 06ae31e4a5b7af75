"""The termination message fits, whatever it holds; and every failure has its reason."""

from __future__ import annotations

import errno
import json
import os
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.constants import TERMINATION_MESSAGE_BYTES, ExitCode
from dpojob_api.evaluation import Attention, Evaluation, Interval, TaskResult, TaskScore
from dpojob_api.progress import Artifacts, Health, Outcome, Progress, Sample
from dpojob_trainer.shared.termination_message import encode, write_termination_message
from dpojob_trainer.training import run
from dpojob_trainer.training.launch.outcome_message import truncate_outcome
from dpojob_trainer.training.launch.session import RunState, _interrupted
from dpojob_trainer.training.setup.errors import exit_code, explain
from dpojob_trainer.training.setup.progress import ProgressRecorder

DOCUMENT = Outcome(outcome="Succeeded", reason="Completed").wire()
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
        evaluation=Evaluation(
            prompts=5,
            note=message,
            message=health + "x" * TERMINATION_MESSAGE_BYTES,
            attention=[Attention(figure="Length", message=health)] * 5,
            tasks=[TaskResult(name=message[:128], metric=health[:128], error=health)] * 8,
        ),
    )
    text = encode(truncate_outcome(outcome).wire())
    assert len(text) <= TERMINATION_MESSAGE_BYTES
    read = Outcome.model_validate_json(text)
    assert read.progress.step == 3 and read.artifacts == outcome.artifacts
    assert read.evaluation is not None and read.evaluation.prompts == 5


def test_eight_tasks_with_ordinary_names_fit_beside_the_other_figures() -> None:
    score = TaskScore(value=0.4123, standard_error=0.02118)
    task = TaskResult(
        name="arc_challenge", metric="exact_match,strict-match", before=score, after=score,
        difference=Interval(value=-0.02345, low=-0.05678, high=0.01234, n=14042), test="McNemar",
        p_value=0.01234, limit=200,
    )  # fmt: skip
    rate = Interval(value=0.6123456789, low=0.5123456789, high=0.7123456789, n=200)
    evaluation = Evaluation(
        win_rate=rate, length_controlled_win_rate=rate, reward_accuracy=rate, length_change=rate,
        tasks=[task] * 8, message="x" * 600,
    )  # fmt: skip
    outcome = Outcome(outcome="Succeeded", reason="Completed", evaluation=evaluation)
    text = encode(truncate_outcome(outcome).wire())
    read = Outcome.model_validate_json(text).evaluation
    assert len(text) <= TERMINATION_MESSAGE_BYTES and read is not None and len(read.tasks) == 8


def test_the_verdict_is_kept_beside_eight_failed_tasks_with_long_errors() -> None:
    error = "RuntimeError: " + "x" * 286
    tasks = [TaskResult(name=f"task_{number}", error=error) for number in range(8)]
    message = "No task has a result: " + " ".join(f"{task.name}: {error}." for task in tasks * 2)
    verdict = Evaluation(verdict="NotEvaluated", message=message, tasks=tasks)
    outcome = Outcome(outcome="Succeeded", reason="Completed", evaluation=verdict)
    text = encode(truncate_outcome(outcome).wire())
    read = Outcome.model_validate_json(text).evaluation
    assert len(text) <= TERMINATION_MESSAGE_BYTES and read is not None
    assert (read.verdict, len(read.tasks)) == ("NotEvaluated", 8)
    assert read.message.startswith("No task has a result: task_0: RuntimeError: xxx")


ANY = st.text(st.characters(), max_size=3000)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ANY, min_size=9, max_size=9), limit=st.just(TERMINATION_MESSAGE_BYTES))
def test_an_outcome_fits_whatever_its_artifacts_hold(texts: list[str], limit: int) -> None:
    reason, message, health, claim, path, report, push, s3, digest = texts
    outcome = Outcome(
        outcome="Succeeded",
        reason=reason,
        message=message,
        progress=Progress(step=7, health=Health(reason=reason, message=health)),
        artifacts=Artifacts(
            claim_name=claim, path=path, report=report, push=push, s3=s3, model_hash=digest
        ),
    )
    text = encode(truncate_outcome(outcome).wire())
    assert len(text) <= limit
    read = Outcome.model_validate_json(text)
    assert (read.outcome, read.progress.step) == ("Succeeded", 7)
    assert text.startswith(b'{"outcome":"Succeeded","reason":')


def test_a_long_chinese_path_leaves_the_rest_of_the_outcome() -> None:
    path = "长" * 1024
    outcome = Outcome(
        outcome="Succeeded",
        reason="Completed",
        message="Trained.",
        artifacts=Artifacts(
            claim_name="c",
            path=path,
            report=f"{path}/report.html",
            kind="model",
            model_hash="a" * 64,
        ),
        samples=[Sample(prompt="p", before="b", after="a")],
    )
    kept = truncate_outcome(outcome)
    assert kept.artifacts == Artifacts(claim_name="c", kind="model", model_hash="a" * 64)
    assert (kept.message, kept.samples) == (outcome.message, outcome.samples)


def test_it_is_written_to_the_given_path(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_termination_message(DOCUMENT, path)
    assert json.loads(path.read_text())["reason"] == "Completed"
    write_termination_message(DOCUMENT, tmp_path / "no" / "where")


def test_one_that_replaces_a_longer_one_is_whole_also_where_the_process_is_killed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    write_termination_message({**DOCUMENT, "message": "x" * 3000}, path)
    at_kill = []
    truncate, fstat = os.truncate, os.fstat

    def read_before(action: Any) -> Any:
        def act(*arguments: Any) -> Any:
            at_kill.append(json.loads(path.read_text()))
            return action(*arguments)

        return act

    monkeypatch.setattr(os, "fstat", read_before(fstat))
    monkeypatch.setattr(os, "truncate", read_before(truncate))
    write_termination_message(DOCUMENT, path)
    monkeypatch.undo()
    assert path.read_bytes() == encode(DOCUMENT)
    assert [len(found.get("message", "")) for found in at_kill] == [3000, 0]


class OutOfMemoryError(RuntimeError):
    """An error with the name that torch.cuda gives it."""


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


OUTPUT = Path("/volumes/out/m")


@pytest.mark.parametrize(
    ("error", "reason", "phrase"),
    [
        (OSError(errno.EROFS, "Read-only file system", f"{OUTPUT}/.checkpoints"), "InvalidSpec",
         "output.volume (Read-only file system: /volumes/out/m/.checkpoints)"),
        (PermissionError(errno.EACCES, "Permission denied", "/volumes/out"), "InvalidSpec",
         "output.volume (Permission denied: /volumes/out)"),
        (FileExistsError(errno.EEXIST, "File exists", str(OUTPUT)), "OutputOccupied",
         "/volumes/out/m is a file. Name another output.volume.path."),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/volumes/out"), "OutputOccupied",
         "/volumes/out is a file"),
        (PermissionError(errno.EACCES, "Permission denied", "/else/where"), "TrainingFailed",
         "/else/where"),
        (FileExistsError(errno.EEXIST, "File exists", f"{OUTPUT}/.staging"), "TrainingFailed", "staging"),
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_written_is_the_specs_fault(
    error: OSError, reason: str, phrase: str
) -> None:
    failure = explain(error, OUTPUT)
    assert failure.reason == reason
    assert phrase in failure.message


def test_a_full_disk_is_reported_with_its_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")(2 << 30, 2 << 30, 3 << 20)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    of_torch = RuntimeError("[enforce fail at inline_container.cc:671] . unexpected pos 64 vs 0")
    failure = explain(of_torch, tmp_path)
    assert failure.reason == "DiskFull"
    assert failure.message.startswith(
        "no space is left on the volume: 3 MiB of 2.0 GiB are free. The last complete checkpoint is"
    )


def test_a_message_of_several_lines_is_reported_whole() -> None:
    error = RuntimeError("Error(s) in loading state_dict for M:\n\tsize mismatch for w")
    message = "RuntimeError: Error(s) in loading state_dict for M: size mismatch for w"
    assert explain(error).message == message


@pytest.mark.parametrize(
    ("progress", "phrase"),
    [
        ({}, "before its first step; there is no checkpoint yet, so the next attempt starts from the"),
        ({"step": 3, "max_steps": 9}, "at step 3 of 9; there is no checkpoint yet"),
        ({"step": 3, "max_steps": 9, "checkpoint_step": 2}, "a checkpoint of step 2 is kept"),
    ],
)  # fmt: skip
def test_a_stop_reports_where_the_next_attempt_starts(
    progress: dict[str, int], phrase: str
) -> None:
    recorder = ProgressRecorder()
    recorder.update(**progress)
    job: Any = None
    assert phrase in _interrupted(RunState(job, recorder)).message


def test_a_user_error_is_never_retried() -> None:
    for reason in ("InvalidArguments", "ModelNotFound", "OutputOccupied", "DatasetInvalid"):
        assert exit_code(reason) == ExitCode.USER_ERROR
    assert exit_code("Stopped") == ExitCode.INTERRUPTED
    assert exit_code("Unhealthy") == ExitCode.UNHEALTHY


def test_an_output_that_is_a_file_is_no_place_for_a_model(make_job: MakeJob) -> None:
    job = make_job()
    job.output.parent.mkdir(parents=True)
    job.output.write_text("mine")
    outcome = run(job)
    assert (outcome.outcome, outcome.reason) == ("Failed", "OutputOccupied"), outcome.message
    assert job.output.read_text() == "mine"
