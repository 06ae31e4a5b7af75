"""Builders for the planner's tests: the default catalogue, simulated models, specs and reports."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import yaml
from tests.kit.repository import ROOT

from dpojob_api.plan import Plan, Refusal
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport, Lengths, ModelFacts, Percentiles
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState, plan

CATALOGUE = ROOT / "charts" / "dpojob" / "pools.yaml"
MEASURED = ROOT / "bench" / "memory" / "measured.json"


def catalogue() -> list[PoolState]:
    """The pools of the chart, one node each, all free."""
    entries = yaml.safe_load(CATALOGUE.read_text())
    return [
        PoolState(entry["name"], GPUPoolSpec.model_validate(entry["spec"]), free=1, nodes=1)
        for entry in entries
    ]


def changed(pools: list[PoolState], name: str, **changes: Any) -> list[PoolState]:
    """The same pools, one of them with other capacity."""
    return [replace(pool, **changes) if pool.name == name else pool for pool in pools]


def pool(name: str = "one", memory: float = 24, **spec: Any) -> PoolState:
    """A pool of bf16 GPUs of an unlisted kind."""
    per_node = spec.pop("perNode", 1)
    gpu = {"model": "Test", "memoryGiB": memory, "perNode": per_node, "teraflops": 100}
    return PoolState(name, GPUPoolSpec.model_validate({"gpu": gpu, "hourlyPrice": "2", **spec}))


def job(**fields: Any) -> DPOJobSpec:
    """A spec with a model and a dataset, and what is given."""
    return DPOJobSpec.model_validate(
        {"model": {"repo": "org/model"}, "dataset": {"repo": "org/data"}, **fields}
    )


def shape(name: str) -> ModelFacts:
    """The facts of a model whose memory was simulated, such as qwen2.5-0.5b."""
    cases = json.loads(MEASURED.read_text())["cases"]
    found = next(case for key, case in cases.items() if key.startswith(f"{name}/"))
    return ModelFacts.model_validate(found["facts"])


def report(model: ModelFacts | int, rows: int = 10_000) -> InspectionReport:
    """An accepted dataset of `rows` pairs, and a model by its facts or its number of parameters."""
    facts = model if isinstance(model, ModelFacts) else ModelFacts(parameters=model)
    lengths = Lengths(longest=Percentiles(p50=400, p95=900, p99=1100, max=3000, mean=450))
    return InspectionReport(
        valid=True, train_rows=rows, valid_rows=rows, lengths=lengths, model=facts
    )


def planned(spec: DPOJobSpec, model: ModelFacts | int, pools: list[PoolState], rows: int = 10_000) -> Plan:  # fmt: skip
    """The plan; a refusal fails the test."""
    answer = plan(spec, report(model, rows), pools)
    assert isinstance(answer, Plan), answer
    return answer


def refused(spec: DPOJobSpec, model: ModelFacts | int, pools: list[PoolState], rows: int = 10_000) -> Refusal:  # fmt: skip
    """The refusal; a plan fails the test."""
    answer = plan(spec, report(model, rows), pools)
    assert isinstance(answer, Refusal), answer
    return answer
