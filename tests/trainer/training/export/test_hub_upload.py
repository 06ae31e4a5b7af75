"""From a hub to a hub: a model or an adapter in a repository, tuned, pushed by Git LFS."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from tests.kit.hub.server import Hub
from tests.kit.training.adapters import save_adapter
from tests.kit.training.tiny_job import MakeJob, losses, metrics
from tests.kit.waiting import LIMIT

from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.export import output_directory, uploads

pytestmark = pytest.mark.train
BASE, ADAPTER, TUNED = "some-org/tiny", "some-org/tiny-sft", "my-org/tuned"
QUICK: dict[str, Any] = {"training": {"epochs": 0.3}, "output": {"push": TUNED}}


@pytest.fixture
def hub(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that takes large files by Git LFS and holds a model, and a cache of its own."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    for limit in ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT"):
        monkeypatch.setattr(huggingface_hub.constants, limit, LIMIT)
    monkeypatch.setattr(uploads, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(uploads, "TRIES", 3)
    with Hub(lfs=True) as hub:
        for name, value in hub.env().items():
            monkeypatch.setenv(name, value)
        hub.add_model(BASE, inputs / "model")
        yield hub


def artifacts(job: TrainJob) -> dict[str, bytes]:
    return {
        str(path.relative_to(job.output)): path.read_bytes()
        for path in output_directory.model_files(job.output)
    }


def pushed(hub: Hub) -> dict[str, bytes]:
    return {name: data for name, data in hub.files(TUNED).items() if name != ".gitattributes"}


def test_a_repository_is_tuned_and_pushed_with_its_lineage(make_job: MakeJob, hub: Hub) -> None:
    commit = hub.repository(BASE).branches["main"]
    job = make_job(spec={**QUICK, "model": {"repo": BASE}}, token=hub.token)
    hub.fault(r"PUT /lfs/upload", status=500, times=1)
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert losses(metrics(job))[1] == pytest.approx(math.log(2), abs=1e-3)
    assert pushed(hub) == artifacts(job)
    assert any(request.path.startswith("/lfs/upload/") for request in hub.requests)
    assert ended.artifacts is not None
    assert ended.artifacts.push == f"{TUNED}@{hub.repository(TUNED).branches['main']}"
    card = pushed(hub)["README.md"].decode()
    assert f"base_model: {BASE}" in card and f"{BASE} at {commit}" in card


@pytest.mark.parametrize("merge", [False, True])
def test_an_adapter_in_a_repository_is_gone_on_with(
    make_job: MakeJob, hub: Hub, inputs: Path, tmp_path: Path, merge: bool
) -> None:
    commit = hub.repository(BASE).branches["main"]
    save_adapter(inputs / "model", tmp_path / "sft", BASE)
    hub.add_model(ADAPTER, tmp_path / "sft")
    spec = {
        "model": {"repo": ADAPTER},
        "training": {**QUICK["training"], "method": "lora"},
        "output": {"push": TUNED, "merge": merge},
    }
    job = make_job(spec=spec, token=hub.token)
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert losses(metrics(job))[1] == pytest.approx(math.log(2), abs=1e-3)
    got = pushed(hub)
    assert got == artifacts(job)
    if merge:
        assert "model.safetensors" in got and "adapter_config.json" not in got
    else:
        config = json.loads(got["adapter_config.json"])
        assert (config["base_model_name_or_path"], config["revision"]) == (BASE, commit)


def test_an_upload_that_breaks_off_leaves_no_half_repository(make_job: MakeJob, hub: Hub) -> None:
    job = make_job(spec={**QUICK, "model": {"repo": BASE}}, token=hub.token)
    hub.fault(r"PUT /lfs/upload", status=500)
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "PushFailed"), failed.message
    assert "complete in output.volume" in failed.message
    with pytest.raises(KeyError, match="no revision"):
        hub.files(TUNED)
    assert failed.artifacts is not None and failed.artifacts.push is None
    hub.clear_faults()
    downloads = len([r for r in hub.requests if "/resolve/" in r.path])
    ended = run(job)  # The next attempt.
    assert ended.outcome == "Succeeded", ended.message
    assert pushed(hub) == artifacts(job)
    assert len([r for r in hub.requests if "/resolve/" in r.path]) == downloads


def test_a_model_that_vanished_after_inspection(make_job: MakeJob, hub: Hub) -> None:
    job = make_job(spec={**QUICK, "model": {"repo": BASE}}, token=hub.token)
    hub.repositories.clear()
    failed = run(job)
    assert failed.reason == "ModelNotFound", failed.message
    assert BASE in failed.message and "hubTokenSecret" in failed.message
