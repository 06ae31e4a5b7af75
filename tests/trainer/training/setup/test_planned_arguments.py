"""What the plan decides reaches TRL's arguments."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import TrainJob
from dpojob_trainer.training.setup.arguments import dpo_config, plan_schedule
from dpojob_trainer.training.setup.precision import choose_precisions

pytestmark = pytest.mark.train


def with_plan(job: TrainJob, **changes: object) -> TrainJob:
    return replace(job, plan=job.plan.model_copy(update=changes))


def optimizer(job: TrainJob) -> str:
    precisions = choose_precisions(job.plan, job.parameters)
    return str(dpo_config(job, precisions, plan_schedule(job, 100), 10).optim)


def test_the_planned_optimizer_is_used(make_job: MakeJob) -> None:
    job = make_job()
    assert "8bit" not in optimizer(job)
    assert optimizer(with_plan(job, optimizer="adamw_8bit")) == "OptimizerNames.ADAMW_8BIT"


def test_the_variant_that_is_asked_for_wins(make_job: MakeJob) -> None:
    job = make_job(spec={"training": {"arguments": {"optim": "paged_adamw_8bit"}}})
    assert optimizer(with_plan(job, optimizer="adamw_8bit")) == "OptimizerNames.PAGED_ADAMW_8BIT"


def test_a_checkpoint_of_another_optimizer_is_another_trainings(make_job: MakeJob) -> None:
    job = make_job()
    assert job.key != with_plan(job, optimizer="adamw_8bit").key


def test_a_checkpoint_of_another_layout_of_the_pairs_is_another_trainings(
    make_job: MakeJob,
) -> None:
    job = with_plan(make_job(), prefix_sharing=False)
    assert job.key != with_plan(job, prefix_sharing=True).key


def test_a_field_with_its_default_is_no_other_training(make_job: MakeJob) -> None:
    named = {"training": {"beta": 0.1, "prefixSharing": "Auto"}}
    assert make_job(spec=named).key == make_job().key
    assert make_job(spec={"training": {"beta": 0.2}}).key != make_job().key


@pytest.mark.parametrize(("evaluations", "every"), [(10, 3), (2, 13), (0, 25)])
def test_evaluations_are_those_of_the_plan(make_job: MakeJob, evaluations: int, every: int) -> None:
    job = make_job()
    job = with_plan(
        job,
        per_device_batch_size=4,
        gradient_accumulation=1,
        estimate=job.plan.estimate.model_copy(update={"evaluations": evaluations}),
    )
    assert plan_schedule(job, 100).steps == 25
    assert plan_schedule(job, 100).evaluate_every == every


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("lora", {}, False),
        ("full", {}, None),
        ("lora", {"ddp_find_unused_parameters": True}, True),
    ],
)
def test_copies_of_an_adapted_model_do_not_search_for_unused_weights(
    make_job: MakeJob, method: str, arguments: dict[str, object], expected: bool | None
) -> None:
    """`launch/test_smaller_batch.py` trains such copies."""
    job = make_job(spec={"training": {"method": method, "arguments": arguments}})
    config = dpo_config(job, choose_precisions(job.plan, job.parameters), plan_schedule(job, 9), 0)
    assert config.ddp_find_unused_parameters is expected
