"""An argument that a library refuses is the user's to mend: never retried, and it is named."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run
from dpojob_trainer.training.setup.argument_errors import as_argument_error
from dpojob_trainer.training.setup.errors import TrainingError


def refuse(arguments: dict[str, Any], error: Exception) -> None:
    with as_argument_error(arguments):
        raise error


@pytest.mark.parametrize(
    "error", [ValueError("a\nb"), ImportError("a b"), NotImplementedError("a b")]
)
def test_a_refusal_names_the_arguments_on_one_line(error: Exception) -> None:
    with pytest.raises(TrainingError) as caught:
        refuse({"optim": "x", "report_to": "none", "loss_type": "y"}, error)
    assert caught.value.reason == "InvalidArguments"
    assert caught.value.message.startswith(
        "training.arguments (loss_type, optim) cannot be followed: a b. "
    )


@pytest.mark.parametrize("arguments", [{}, {"report_to": "none", "logging_steps": 1}])
def test_a_refusal_without_an_argument_that_could_be_the_cause_is_none(
    arguments: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="why"):
        refuse(arguments, ValueError("why"))


def test_a_gpus_own_error_is_no_refusal() -> None:
    with pytest.raises(RuntimeError):
        refuse({"optim": "x"}, RuntimeError("CUDA error"))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"activation_offloading": True}, "there is no GPU here"),
    # By constructor, by loading, by optimizer.
    ({"router_aux_loss_coef": 0.1}, "(router_aux_loss_coef) cannot be followed"),
    ({"model_init_kwargs": {"alibi": True}}, "(model_init_kwargs.alibi) cannot be followed"),
    ({"optim_args": "beta"}, "(optim_args) cannot be followed"),
    (
        {"lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": {"num_decay_steps": 2, "decay_type": "x"}},
        "(lr_scheduler_kwargs, lr_scheduler_type) cannot be followed",
    ),
    ({"dataloader_drop_last": True}, "dataloader_drop_last drops every pair: there are 51, and a batch is 64"),
]  # fmt: skip


@pytest.mark.train
@pytest.mark.parametrize(("arguments", "phrase"), MISTAKES)
def test_a_mistake_that_only_training_finds(
    make_job: MakeJob, arguments: dict[str, Any], phrase: str
) -> None:
    batch = {"perDeviceBatchSize": 64} if "dataloader_drop_last" in arguments else {}
    outcome = run(make_job(spec={"training": {"arguments": arguments}}, plan=batch))
    assert (outcome.outcome, outcome.reason) == ("Failed", "InvalidArguments"), outcome.message
    assert phrase in outcome.message and "\n" not in outcome.message


@pytest.mark.train
def test_a_last_batch_that_is_dropped_is_not_counted(make_job: MakeJob) -> None:
    job = make_job(
        spec={"training": {"arguments": {"dataloader_drop_last": True}, "batchSize": 20}},
        plan={"perDeviceBatchSize": 20, "gradientAccumulation": 1},
    )
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.progress.step == outcome.progress.max_steps == 2  # of 51 pairs
