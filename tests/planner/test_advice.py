"""Warnings before training, and smaller settings after running out of memory."""

from __future__ import annotations

import re

import pytest
from tests.kit.planning import catalogue, job, planned, pool, shape

from dpojob_planner import out_of_memory_advice, recommendations


def test_recommended_values_pass_in_silence() -> None:
    assert recommendations(job()) == []
    edges = {"epochs": 3, "learningRate": 5e-7, "beta": 0.5, "batchSize": 16}
    assert recommendations(job(training=edges)) == []


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("epochs", 5, "training.epochs is 5; 1 to 3 is recommended"),
        ("learningRate", 1e-4, "training.learningRate is 0.0001; 5e-07 to 5e-06 is recommended"),
        ("beta", 0.01, "training.beta is 0.01; 0.1 to 0.5 is recommended"),
        ("batchSize", 64, "training.batchSize is 64; 4 to 16 is recommended"),
    ],
)
def test_others_are_warned_about(field: str, value: float, expected: str) -> None:
    (warning,) = recommendations(job(training={field: value}))
    assert expected in warning


def test_running_out_of_memory_is_answered_with_settings_that_fit() -> None:
    plan = planned(job(hardware={"pool": "a10g-large"}), shape("qwen2.5-3b"), catalogue())
    advice = out_of_memory_advice(plan, 21.7)
    assert "training.method qlora" in advice
    assert "hardware.pool a100-large (39.2 GiB per GPU)" in advice
    length = re.search(r"training.maxLength (\d+)", advice)
    assert length is not None
    shorter = job(hardware={"pool": "a10g-large"}, training={"maxLength": int(length[1])})
    assert int(length[1]) < 1024
    assert planned(shorter, shape("qwen2.5-3b"), catalogue())


def test_full_is_advised_to_try_lora() -> None:
    plan = planned(job(), shape("qwen2.5-0.5b"), catalogue())
    assert "training.method lora" in out_of_memory_advice(plan, 14.5)


def test_where_nothing_smaller_is_known_a_larger_gpu_is_asked_for() -> None:
    spec = job(training={"method": "qlora", "maxLength": 64, "batchSize": 1})
    plan = planned(spec, shape("qwen2.5-7b"), [pool(memory=10)])
    advice = out_of_memory_advice(plan, 9.1)
    assert "training.method" not in advice
    assert "larger GPUs" in advice or "hardware.pool" in advice or "maxLength" in advice
