"""A judge that fails at an evaluation of the training does not fail the training."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob

from dpojob_api import shared_training_constants
from dpojob_trainer.training.checkpoint_judging import judged_evaluations
from dpojob_trainer.training.checkpoint_judging.judged_evaluations import JudgedEvaluations
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.setup.signals import StopRequest

ANSWER = Answer("Yes.", 2, True, 0.0)


class Model:
    """The part of a model that the callback sets."""

    training = True

    def eval(self) -> None:
        self.training = False

    def train(self, mode: bool) -> None:
        self.training = mode


@pytest.fixture
def smaller_batch_left() -> bool:
    """Whether the training goes on with a smaller batch after an out-of-memory."""
    return False


@pytest.fixture
def callback(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smaller_batch_left: bool
) -> JudgedEvaluations:
    """Judges the few held-out pairs by a reward model whose directory has a configuration and no weights."""
    monkeypatch.setattr(shared_training_constants, "FEWEST_JUDGED_DURING", 1)
    reward = tmp_path / "judge" / "reward"
    reward.mkdir(parents=True)
    (reward / "config.json").write_text(
        '{"model_type": "qwen2", "architectures": ["Qwen2ForSequenceClassification"], "num_labels": 1}'
    )
    judge = {"rewardModel": {"volume": {"claimName": "judge", "path": "reward"}}}
    job = make_job(
        spec={"evaluation": {"judge": judge, "everyEval": True}},
        volumes={"judge": tmp_path / "judge"},
    )
    assert job.spec.evaluation is not None and job.spec.evaluation.judge is not None
    spec = job.spec.evaluation
    return JudgedEvaluations(
        job, spec, spec.judge, StopRequest(), smaller_batch_left=smaller_batch_left
    )


def state() -> Any:
    return SimpleNamespace(global_step=0, log_history=[{}])


def arguments() -> Any:
    return SimpleNamespace(metric_for_best_model="eval_loss", greater_is_better=False)


def answering(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    def generate(_model: Any, _tokenizer: Any, rows: Any, **_options: Any) -> Any:
        yield [ANSWER] * len(rows)
        if error is not None:
            raise error

    monkeypatch.setattr(judged_evaluations, "generate_answers", generate)


def test_a_judge_that_cannot_be_loaded_is_given_up(
    callback: JudgedEvaluations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answering(monkeypatch)
    model, metrics = Model(), {"eval_loss": 0.5}
    options: dict[str, Any] = {"model": model, "processing_class": None}
    callback.on_train_begin(arguments(), state(), None, **options)
    with caplog.at_level(logging.WARNING):
        callback.on_evaluate(arguments(), state(), None, metrics, **options)
    assert "no checkpoint is judged (evaluation.everyEval): OSError: " in caplog.text
    assert metrics == {"eval_loss": 0.5} and model.training


def test_memory_that_runs_out_leaves_the_model_in_training(
    callback: JudgedEvaluations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answering(monkeypatch)
    model, metrics = Model(), {"eval_loss": 0.5}
    options: dict[str, Any] = {"model": model, "processing_class": None}
    callback.on_train_begin(arguments(), state(), None, **options)
    answering(monkeypatch, MemoryError("16 GiB"))
    with caplog.at_level(logging.WARNING):
        callback.on_evaluate(arguments(), state(), None, metrics, **options)
    assert "MemoryError: 16 GiB" in caplog.text
    assert metrics == {"eval_loss": 0.5} and model.training


@pytest.mark.parametrize("smaller_batch_left", [True])
def test_memory_that_runs_out_is_for_the_training_where_a_smaller_batch_is_left(
    callback: JudgedEvaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch)
    options: dict[str, Any] = {"model": Model(), "processing_class": None}
    callback.on_train_begin(arguments(), state(), None, **options)
    answering(monkeypatch, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."))
    with pytest.raises(torch.OutOfMemoryError):
        callback.on_evaluate(arguments(), state(), None, {"eval_loss": 0.5}, **options)
    assert options["model"].training


@pytest.mark.parametrize("smaller_batch_left", [False, True])
def test_a_model_that_cannot_answer_before_the_training_ends_judging_alone(
    callback: JudgedEvaluations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whose memory a smaller batch would leave as it is: nothing has been trained."""
    answering(monkeypatch, torch.OutOfMemoryError("CUDA out of memory."))
    model, metrics = Model(), {"eval_loss": 0.5}
    options: dict[str, Any] = {"model": model, "processing_class": None}
    with caplog.at_level(logging.WARNING):
        callback.on_train_begin(arguments(), state(), None, **options)
    assert "no checkpoint is judged (evaluation.everyEval): OutOfMemoryError: " in caplog.text
    callback.on_evaluate(arguments(), state(), None, metrics, **options)
    assert metrics == {"eval_loss": 0.5} and model.training


def test_prompts_that_cannot_be_read_are_given_up(
    callback: JudgedEvaluations, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreadable(*_: Any) -> Any:
        raise OSError("Input/output error")

    monkeypatch.setattr(judged_evaluations, "judged_rows", unreadable)
    with caplog.at_level(logging.WARNING):
        callback.on_train_begin(arguments(), state(), None, model=Model(), processing_class=None)
    assert "OSError: Input/output error" in caplog.text
