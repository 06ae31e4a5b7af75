"""A later job on the same model and pairs finds the reference's log-probabilities of an earlier one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob, losses, metrics
from trl import DPOTrainer

from dpojob_api import constants
from dpojob_trainer.training import run
from dpojob_trainer.training.cache.log_probability_store import ENTRY

pytestmark = pytest.mark.train
PRECOMPUTED = {"precomputeReference": True}
CACHE = {"volume": {"claimName": "outputs", "path": "cache"}}


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each batch whose reference log-probabilities TRL has computed."""
    batches: list[int] = []
    original = DPOTrainer.compute_ref_log_probs

    def count(self: Any, model: Any, inputs: dict[str, Any]) -> Any:
        batches.append(len(inputs["input_ids"]))
        return original(self, model, inputs)

    monkeypatch.setattr(DPOTrainer, "compute_ref_log_probs", count)
    return batches


def trained(
    make_job: MakeJob, name: str, *, cache: bool = True, **training: Any
) -> dict[int, float]:
    """The losses of a short run."""
    spec: dict[str, Any] = {"training": {"epochs": 0.2, **training}}
    if cache:
        spec["cache"] = CACHE
    job = make_job(spec=spec, plan=PRECOMPUTED, output=name, uid=name)
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    return losses(metrics(job))


def stored(tmp_path: Path) -> list[Path]:
    root = tmp_path / "outputs" / "cache" / constants.REFERENCE_STORE_DIRECTORY
    return sorted(root.glob("*/*.pairs"))


def test_a_job_with_another_beta_computes_one_batch_to_compare(
    make_job: MakeJob, computed: list[int]
) -> None:
    trained(make_job, "first")
    first = len(computed)
    assert first > 4
    computed.clear()
    found = trained(make_job, "second", beta=0.3, learningRate=1e-4)
    assert len(computed) == 1
    assert found == pytest.approx(
        trained(make_job, "alone", cache=False, beta=0.3, learningRate=1e-4), abs=1e-5
    )


def test_a_job_with_another_adapter_computes_one_batch_to_compare(
    make_job: MakeJob, computed: list[int]
) -> None:
    trained(make_job, "first", method="lora")
    computed.clear()
    trained(make_job, "second", method="lora", lora={"r": 4}, seed=7)
    assert len(computed) == 1


def test_without_a_cache_every_job_computes_all(make_job: MakeJob, computed: list[int]) -> None:
    trained(make_job, "first", cache=False)
    first = len(computed)
    trained(make_job, "second", cache=False, beta=0.3)
    assert len(computed) == 2 * first


def test_a_job_stopped_while_it_computes_leaves_its_values_to_the_next_attempt(
    make_job: MakeJob, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(make_job, "alone", cache=False)
    every_batch = len(computed)
    computed.clear()
    counted = DPOTrainer.compute_ref_log_probs

    def stop_in_the_fourth_batch(self: Any, model: Any, inputs: dict[str, Any]) -> Any:
        if len(computed) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return counted(self, model, inputs)

    spec = {"training": {"epochs": 0.2}, "cache": CACHE}
    job = make_job(spec=spec, plan=PRECOMPUTED, output="stopped")
    with monkeypatch.context() as patch:
        patch.setattr(DPOTrainer, "compute_ref_log_probs", stop_in_the_fourth_batch)
        stopped = run(job)
    assert (stopped.outcome, len(computed)) == ("Interrupted", 3)
    computed.clear()
    assert run(job).outcome == "Succeeded"
    # One batch is computed again, to compare it with the stored values.
    assert len(computed) == every_batch - 3 + 1
    assert losses(metrics(job)) == pytest.approx(expected, abs=1e-5)


def poison(path: Path) -> None:
    """Other values under the same keys, with a hash that is right."""
    body = path.read_bytes().partition(b"\n")[2]
    wrong = b"".join(ENTRY.pack(key, c - 3.0, r) for key, c, r in ENTRY.iter_unpack(body))
    header = {"entries": len(wrong) // ENTRY.size, "sha256": hashlib.sha256(wrong).hexdigest()}
    path.write_bytes(json.dumps(header).encode() + b"\n" + wrong)


def test_wrong_values_are_noticed_and_not_used(
    make_job: MakeJob, computed: list[int], tmp_path: Path
) -> None:
    trained(make_job, "first")
    first = len(computed)
    for path in stored(tmp_path):
        poison(path)
    computed.clear()
    found = trained(make_job, "second", beta=0.3)
    assert len(computed) == first
    assert found == pytest.approx(trained(make_job, "alone", cache=False, beta=0.3), abs=1e-5)
    card = (tmp_path / "outputs" / "second" / constants.FILE_MODEL_CARD).read_text()
    assert "stored reference log-probabilities are not used: one differs by 3 nats" in card


def test_a_damaged_store_is_computed_again(
    make_job: MakeJob, computed: list[int], tmp_path: Path
) -> None:
    trained(make_job, "first")
    first = len(computed)
    for path in stored(tmp_path):
        path.write_bytes(path.read_bytes()[:-5])
    computed.clear()
    trained(make_job, "second", beta=0.3)
    assert len(computed) == first
    assert len(stored(tmp_path)) == 2
