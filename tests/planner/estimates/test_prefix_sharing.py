"""Prefixes are shared where that makes steps faster and the model's family is tested with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.planning import job, pool, report, shape

from dpojob_api.plan import Plan
from dpojob_api.report import InspectionReport, Lengths, ModelFacts, Percentiles
from dpojob_planner import plan
from dpojob_planner.estimates import DeviceSettings, estimate_memory, infer_model_shape
from dpojob_planner.estimates.prefix_sharing import shared_work

QWEN = shape("qwen2.5-0.5b")
MODEL = infer_model_shape(QWEN)


def inspected(prompt: float, answer: float, facts: ModelFacts = QWEN) -> InspectionReport:
    """Pairs whose two answers have the same length."""
    found = report(facts)
    lengths = Lengths(
        prompt=Percentiles(mean=prompt),
        longest=Percentiles(p50=400, p95=900, p99=1100, max=3000, mean=450),
        tokens_per_row=2 * (prompt + answer),
    )
    return found.model_copy(update={"lengths": lengths})


def planned(found: InspectionReport, **training: Any) -> Plan:
    answer = plan(job(training=training), found, [pool()])
    assert isinstance(answer, Plan), answer
    return answer


def reasons(found: Plan) -> str:
    return " ".join(found.reasons)


@pytest.mark.parametrize(("prompt", "shared"), [(20, False), (100, True), (400, True)])
def test_long_prompts_are_shared(prompt: int, shared: bool) -> None:
    found = planned(inspected(prompt, 200))
    assert found.prefix_sharing is shared
    assert ("computed once for both" in reasons(found)) is shared


def test_sharing_makes_the_run_shorter_by_what_the_reason_says() -> None:
    shared, plain = (
        planned(inspected(400, 200), prefixSharing=setting) for setting in ("On", "Off")
    )
    assert "saves about 26% of the operations" in reasons(shared)
    assert shared.estimate.step_seconds < 0.8 * plain.estimate.step_seconds
    assert not plain.prefix_sharing


def test_a_family_that_is_not_tested_is_named_with_the_way_to_try_it() -> None:
    facts = QWEN.model_copy(update={"model_type": "bloom"})
    found = planned(inspected(400, 200, facts))
    assert not found.prefix_sharing
    assert "not tested for bloom. training.prefixSharing: On tries it." in reasons(found)
    assert planned(inspected(400, 200, facts), prefixSharing="On").prefix_sharing


def test_on_shares_short_prompts_too() -> None:
    assert planned(inspected(20, 200), prefixSharing="On").prefix_sharing


@pytest.mark.parametrize(
    ("arguments", "clause"),
    [
        ({"torch_compile": True}, "training.arguments sets torch_compile"),
        (
            {"model_init_kwargs": {"attn_implementation": "flash_attention_2"}},
            "flash_attention_2, which training.arguments asks for",
        ),
    ],
)
def test_an_argument_that_excludes_sharing_is_named(arguments: dict[str, Any], clause: str) -> None:
    found = planned(inspected(400, 200), prefixSharing="On", arguments=arguments)
    assert not found.prefix_sharing
    assert f"Prompts are not shared: {clause}" in reasons(found)


def test_without_known_lengths_nothing_is_shared() -> None:
    assert not planned(report(QWEN)).prefix_sharing


def test_the_mask_is_part_of_the_memory() -> None:
    settings = DeviceSettings(method="lora", pairs=4, length=1024)
    plain = estimate_memory(MODEL, settings)
    shared = estimate_memory(MODEL, replace(settings, shared_prefixes=True))
    # 4 rows of at most 2,048 tokens: a boolean and 2 bytes for each pair of them.
    assert shared.tensors_gib - plain.tensors_gib >= 4 * 2048**2 * 3 / 2**30


def work(prompt: float, answer: float, layers: int = 24) -> float:
    lengths = Lengths(prompt=Percentiles(mean=prompt), tokens_per_row=2 * (prompt + answer))
    return shared_work(replace(MODEL, layers=layers), lengths, 100_000)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_the_work_is_between_half_and_that_of_attention_without_leaving_tokens_out(
    prompt: int, answer: int
) -> None:
    assert 0.5 < work(prompt, answer) < 4.0


@given(st.integers(1, 500), st.integers(50, 500))
def test_longer_prompts_save_more_while_matrices_are_most_of_the_work(
    prompt: int, answer: int
) -> None:
    assert work(prompt + 50, answer) < work(prompt, answer)


def test_without_a_common_prompt_the_mask_costs_more() -> None:
    assert work(0, 2000) > 1.0
