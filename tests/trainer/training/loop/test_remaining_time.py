"""The time that is left counts the evaluations that are left, as planned and then as measured."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob
from transformers import TrainerControl, TrainerState, TrainingArguments

from dpojob_api.plan import Estimate
from dpojob_api.progress import Progress
from dpojob_trainer.training import run
from dpojob_trainer.training.loop import callbacks
from dpojob_trainer.training.loop.callbacks import ProgressCallback
from dpojob_trainer.training.setup import progress
from dpojob_trainer.training.setup.progress import ProgressRecorder

pytestmark = pytest.mark.train
STEPS, EVERY, STEP_SECONDS = 100, 20, 2.0
PLANNED = Estimate.model_validate(
    {
        "hours": 1, "cost": "1", "steps": STEPS, "stepSeconds": 1, "evaluationSeconds": 8,
        "checkpointSeconds": 2,
    }
)  # fmt: skip


class Run:
    """Steps of two seconds, and evaluations after every twentieth, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        self.now = 1000.0
        for module in (callbacks, progress):
            monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.recorder = ProgressRecorder()
        self.callback = ProgressCallback(self.recorder, PLANNED, stop_on_unhealthy=False)
        self.args = TrainingArguments(str(tmp_path), eval_strategy="steps", eval_steps=EVERY)
        self.state = TrainerState(max_steps=STEPS, eval_steps=EVERY, num_train_epochs=1)
        self.callback.on_train_begin(self.args, self.state, TrainerControl())

    def to(self, step: int, evaluation_seconds: float) -> float:
        """Go on up to a step, and return the seconds that are then reported as left."""
        while self.state.global_step < step:
            control = TrainerControl()
            self.callback.on_step_begin(self.args, self.state, control)
            self.now += STEP_SECONDS
            self.state.global_step += 1
            control.should_evaluate = self.state.global_step % EVERY == 0
            self.callback.on_step_end(self.args, self.state, control)
            if control.should_evaluate and self.state.global_step < step:
                self.now += evaluation_seconds
                self.callback.on_evaluate(self.args, self.state, control)
        left = self.recorder.read().eta_seconds
        assert left is not None
        return left


def test_evaluations_count_as_planned_until_one_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Steps take twice as long as planned, so an evaluation with its checkpoint of ten steps does too."""
    run_ = Run(monkeypatch, tmp_path)
    assert run_.to(19, 50) == 81 * STEP_SECONDS + 5 * 10 * STEP_SECONDS


def test_evaluations_count_as_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    run_ = Run(monkeypatch, tmp_path)
    assert run_.to(30, 50) == 70 * STEP_SECONDS + 4 * 50


def test_the_last_step_has_its_own_evaluation_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    assert Run(monkeypatch, tmp_path).to(STEPS, 50) == 50


def test_a_real_run_counts_down(make_job: MakeJob) -> None:
    seen: list[Progress] = []
    outcome = run(make_job(), on_progress=seen.append)
    assert outcome.outcome == "Succeeded"
    assert any(each.eta_seconds for each in seen if each.stage == "Training")
