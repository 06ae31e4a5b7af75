"""Jobs that differ in nothing that a plan depends on share one plan, which is that of the whole inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.planner.strategies import models, pool_lists, specs
from tests.kit.planning import job, planned, pool, report

from dpojob_api.plan import Plan
from dpojob_api.report import ModelFacts
from dpojob_api.spec import ClaimPath, DPOJobSpec
from dpojob_planner import PoolState, plan
from dpojob_planner.planning_inputs import PlanningInputs
from dpojob_planner.pool_selection import plan_from_inputs

B = 10**9


def output_to(path: str) -> dict[str, Any]:
    return {"output": {"volume": {"claimName": "models", "path": path}}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"training": {"seed": 7, "learningRate": 1e-6, "beta": 0.3}}),
        (output_to("runs/1"), output_to("runs/2")),
    ],
)
def test_jobs_of_a_sweep_share_one_plan(first: dict[str, Any], second: dict[str, Any]) -> None:
    pools = [pool()]
    assert planned(job(**first), B, pools) is planned(job(**second), B, pools)


def test_each_input_of_a_plan_gives_another() -> None:
    same = planned(job(), B, [pool()])
    others = [
        planned(job(training={"batchSize": 16}), B, [pool()]),
        planned(job(), 2 * B, [pool()]),
        planned(job(), B, [pool()], rows=5_000),
        planned(job(), B, [pool(hourlyPrice="3")]),
        planned(job(), B, [pool(), pool("two")]),
        planned(job(output={"push": "org/tuned"}), B, [pool()]),
    ]
    assert all(other != same for other in others)


def test_free_gpus_count_where_there_are_too_few() -> None:
    def waits(free: int, nodes: int = 1, gpus: int = 2) -> Plan:
        state = replace(pool(perNode=2), free=free, nodes=nodes)
        return planned(job(hardware={"gpus": gpus}), B, [state])

    assert waits(9) is waits(2) is waits(0, nodes=0)
    assert [waits(free).queued for free in (0, 1, 2)] == [True, True, False]
    assert "has 1 free of 2 GPUs needed" in " ".join(waits(1).reasons)


@settings(max_examples=40)
@given(
    spec=specs(),
    model=models,
    pools=pool_lists(),
    free=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=5, max_size=5),
    seed=st.integers(0, 99),
    path=st.sampled_from(["", "runs/1"]),
)
def test_the_plan_is_that_of_the_whole_inputs(
    spec: DPOJobSpec,
    model: ModelFacts,
    pools: list[PoolState],
    free: list[int | None],
    seed: int,
    path: str,
) -> None:
    training = spec.training.model_copy(update={"seed": seed, "beta": 0.1 + seed})
    volume = ClaimPath(claim_name="models", path=path)
    output = spec.output.model_copy(update={"volume": volume})
    spec = spec.model_copy(update={"training": training, "output": output})
    states = [
        replace(state, free=found, nodes=index % 3)
        for index, (state, found) in enumerate(zip(pools, free, strict=False))
    ]
    whole = PlanningInputs((), spec, report(model), tuple(sorted(states, key=lambda s: s.name)))
    assert plan(spec, report(model), states) == plan_from_inputs(whole)
