"""Strategies for the specs, models and pools of a plan."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from tests.kit.planning import job, pool, shape

from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState

MODELS = [
    "smollm2-135m",
    "qwen2.5-0.5b",
    "qwen2.5-1.5b",
    "qwen2.5-3b",
    "llama-3.1-8b",
    "olmoe-1b-7b",
]
sizes = st.integers(10**7, 2 * 10**11)
models = st.one_of(
    st.sampled_from(MODELS).map(shape), sizes.map(lambda count: ModelFacts(parameters=count))
)
bands = st.sampled_from(
    [None, {"min": "0", "max": "1B"}, {"min": "1B", "max": "3B"}, {"min": "3B", "max": "7B"}, {"min": "7B"}]
)  # fmt: skip
money = st.decimals(min_value="0.10", max_value="9", places=2).map(str)


@st.composite
def pool_lists(draw: st.DrawFn) -> list[PoolState]:
    found = []
    for index in range(draw(st.integers(1, 5))):
        band = draw(bands)
        fields: dict[str, Any] = {"modelSize": band} if band else {}
        found.append(
            pool(
                f"pool-{index}",
                draw(st.sampled_from([4, 8, 16, 24, 40, 80, 141])),
                perNode=draw(st.sampled_from([1, 1, 2, 8])),
                method=draw(st.sampled_from(["auto", "auto", "lora"])),
                hourlyPrice=draw(money),
                **fields,
            )
        )
    return found


@st.composite
def specs(draw: st.DrawFn) -> DPOJobSpec:
    hardware: dict[str, Any] = {"whenFull": draw(st.sampled_from(["Wait", "NextPool"]))}
    if draw(st.booleans()):
        hardware["gpus"] = draw(st.integers(1, 8))
    return job(
        training={
            "batchSize": draw(st.integers(1, 64)),
            "maxLength": draw(st.sampled_from([128, 512, 1024, 4096])),
            "method": draw(st.sampled_from(["auto", "auto", "full", "lora", "qlora"])),
            "epochs": draw(st.sampled_from([0.5, 1, 3])),
        },
        hardware=hardware,
        budget=draw(st.sampled_from([{}, {}, {"maxCost": "20"}, {"maxDuration": "5h"}])),
    )
