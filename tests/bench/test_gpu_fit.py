"""The fit finds the properties of a card from its cells, and says what it could not find."""

from __future__ import annotations

import numpy as np
import pytest
from bench.gpu.fit import fit, non_negative_fit
from bench.gpu.measurements.grid import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.bench.gpu_documents import Card, cells

NOISE = 0.03

CARDS = st.builds(
    Card,
    teraflops=st.floats(5, 500),
    half_rate_tokens=st.floats(0, 3000),
    layer_seconds=st.floats(0, 0.001),
    slowdown=st.floats(1, 3),
    fragmentation=st.floats(0.01, 0.3),
    context_gib=st.floats(0.2, 1.5),
    others_mib=st.integers(0, 4000),
)


@settings(max_examples=25)
@given(card=CARDS)
def test_without_noise_every_property_is_found(card: Card) -> None:
    found = fit(cells(card))
    assert found["missing"] == []
    assert found["cells"] == len(CASES)
    assert found["trainingTeraflops"] == pytest.approx(card.teraflops, rel=1e-3)
    assert found["HALF_RATE_TOKENS"] == pytest.approx(card.half_rate_tokens, rel=1e-3, abs=0.1)
    assert found["SECONDS_PER_LAYER_PASS"] == pytest.approx(card.layer_seconds, rel=1e-3, abs=1e-8)
    assert found["QLORA_SLOWDOWN"] == pytest.approx(card.slowdown, rel=1e-3)
    assert found["FRAGMENTATION_SHARE"] == pytest.approx(card.fragmentation, rel=1e-6)
    assert found["CUDA_CONTEXT_GIB"] == pytest.approx(card.context_gib, rel=1e-6)
    assert found["matmulTeraflops"] == card.matmul_teraflops


@settings(max_examples=25)
@given(card=CARDS, seed=st.integers(0, 1000))
def test_with_noise_times_are_found_and_memory_is_not_understated(card: Card, seed: int) -> None:
    found = fit(cells(card, NOISE, seed))
    assert found["medianTimeError"] <= NOISE
    assert found["QLORA_SLOWDOWN"] == pytest.approx(card.slowdown, rel=4 * NOISE)
    assert card.fragmentation * (1 - NOISE) <= found["FRAGMENTATION_SHARE"]
    assert found["FRAGMENTATION_SHARE"] <= card.fragmentation * (1 + NOISE) + 1e-9
    assert found["CUDA_CONTEXT_GIB"] == pytest.approx(card.context_gib, rel=2 * NOISE)
    assert found["HALF_RATE_TOKENS"] >= 0
    assert found["SECONDS_PER_LAYER_PASS"] >= 0


def test_a_card_with_room_for_small_models_only_is_fitted_without_the_others() -> None:
    small = [cell for cell in cells(Card()) if "qwen2.5-7b" not in cell["cell"]]
    found = fit(small)
    assert found["trainingTeraflops"] == pytest.approx(Card().teraflops, rel=1e-3)
    assert found["QLORA_SLOWDOWN"] is None
    assert found["missing"] == ["QLoRA slowdown: no grid cell with 4-bit weights"]


def test_without_cells_nothing_is_fitted_and_everything_is_named() -> None:
    found = fit([{"cell": "grid/x", "status": "failed", "seconds": 1.0, "error": "no"}])
    assert found["trainingTeraflops"] is None
    assert found["CUDA_CONTEXT_GIB"] is None
    assert [reason.partition(":")[0] for reason in found["missing"]] == [
        "rate and launch cost",
        "fragmentation",
        "context",
        "matrix products",
    ]


def test_no_solution_is_negative() -> None:
    """With plain least squares the second unknown would be -1."""
    rows = np.array([[2.0, 1.0], [1.0, 0.0]])
    assert non_negative_fit(rows) == pytest.approx([0.6, 0.0])
