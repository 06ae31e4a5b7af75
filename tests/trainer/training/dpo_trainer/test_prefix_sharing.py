"""Training with shared prefixes has the curve of training without them, whatever else it is trained with."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob, losses, metrics

from dpojob_api import constants
from dpojob_trainer.training import run
from dpojob_trainer.training.dpo_trainer import prefix_sharing_trainer
from dpojob_trainer.training.prefix_sharing import shared_backbone

pytestmark = pytest.mark.train
SHARED, PLAIN = {"prefixSharing": True}, {"prefixSharing": False}


@pytest.fixture
def shared_forwards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pairs of each forward that shared prefixes."""
    forwards: list[int] = []
    original = shared_backbone.masks_of

    def count(layout: Any, implementation: str) -> Any:
        forwards.append(len(layout.ids))
        return original(layout, implementation)

    monkeypatch.setattr(shared_backbone, "masks_of", count)
    return forwards


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full": ({}, {}),
    "reference precomputed": ({}, {"precomputeReference": True}),
    "checkpointing": ({}, {"gradientCheckpointing": True}),
    "lora": ({"method": "lora"}, {}),
    "lora, reference precomputed": ({"method": "lora"}, {"precomputeReference": True}),
    "sdpa": ({"arguments": {"model_init_kwargs": {"attn_implementation": "sdpa"}}}, {}),
    "reference synchronised": (
        {"arguments": {"sync_ref_model": True, "ref_model_sync_steps": 2}}, {},
    ),
    "ipo": ({"arguments": {"loss_type": ["ipo"]}}, {}),
    "sft term": ({"arguments": {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]}}, {}),
    "ld_alpha": ({"arguments": {"ld_alpha": 0.5}}, {}),
    "weighted": ({"arguments": {"use_weighting": True}}, {}),
}  # fmt: skip
"""The settings of spec.training and of the plan."""


@pytest.mark.parametrize("name", SETTINGS)
def test_every_loss_is_that_of_separate_rows(
    make_job: MakeJob, shared_forwards: list[int], name: str
) -> None:
    training, plan = SETTINGS[name]
    spec = {"training": {"epochs": 0.4, **training}}
    plain = make_job(spec=spec, plan={**plan, **PLAIN}, output="plain")
    assert run(plain).outcome == "Succeeded"
    assert not shared_forwards
    job = make_job(spec=spec, plan={**plan, **SHARED}, output="shared")
    assert run(job).outcome == "Succeeded"
    assert len(shared_forwards) > 5
    expected = losses(metrics(plain))
    assert len(expected) > 3
    assert losses(metrics(job)) == pytest.approx(expected, abs=1e-4)


def test_a_model_that_differs_is_trained_without_shared_prefixes_and_the_run_says_so(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, shared_forwards: list[int]
) -> None:
    monkeypatch.setattr(prefix_sharing_trainer, "layout_difference", lambda *_: 0.5)
    spec = {"training": {"epochs": 0.2}}
    job = make_job(spec=spec, plan=SHARED, output="shared")
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert not shared_forwards
    card = (job.output / constants.FILE_MODEL_CARD).read_text()
    assert "prefixes are not shared: on the first batch" in card
    assert "| shared prefixes | no |" in card
