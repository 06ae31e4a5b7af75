"""Datasets and models on the hub, private, gated, slow and gone; and plain addresses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.hub.server import Hub
from tests.kit.inspection.volume_fixture import make_bare_model, write_rows

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect
from dpojob_trainer.inspection.sources import download
from dpojob_trainer.shared import hub_client as hub_module

ROWS = [{"prompt": f"p{i}", "chosen": "yes", "rejected": "no"} for i in range(5)]


@pytest.fixture(autouse=True)
def _client(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants as constants

    for name, value in hub.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def model(hub: Hub, tmp_path: Path) -> str:
    hub.add_model("org/model", make_bare_model(tmp_path / "model"))
    return "org/model"


def look(model: str, dataset: dict[str, Any], token: str | None = None) -> InspectionReport:
    return inspect(spec(model, dataset), {}, token=token)


def spec(model: str, dataset: dict[str, Any]) -> DPOJobSpec:
    return DPOJobSpec.model_validate({"model": {"repo": model}, "dataset": dataset})


def test_a_dataset_by_its_files_names(hub: Hub, model: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "set" / "data" / "train-00000-of-00002.jsonl", ROWS[:2])
    write_rows(tmp_path / "set" / "data" / "train-00001-of-00002.jsonl", ROWS[2:])
    write_rows(tmp_path / "set" / "data" / "test-00000-of-00001.jsonl", ROWS[:1])
    commit = hub.add_dataset("org/pairs", tmp_path / "set")
    dataset = {"repo": "org/pairs", "eval": {"split": "test"}}
    report = look(model, dataset)
    assert report.valid, report.problems
    assert (report.rows, report.train_rows, report.eval_rows) == (5, 5, 1)
    assert report.splits == ["test", "train"]
    assert report.revision == commit
    assert report.model.revision == hub.repository("org/model").branches["main"]
    assert report.quality.eval_overlap == 1
    rows = list(accepted_rows(spec(model, dataset), report, {}, split="eval"))
    assert [row["prompt"] for row in rows] == ["p0"]


def test_the_cards_configurations(hub: Hub, model: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "set" / "a" / "one.jsonl", ROWS)
    write_rows(tmp_path / "set" / "b" / "two.jsonl", ROWS[:2])
    (tmp_path / "set" / "README.md").write_text(
        "---\nconfigs:\n- config_name: first\n  data_files:\n  - split: train_prefs\n    path: a/*.jsonl\n"
        "- config_name: second\n  data_files: b/two.jsonl\n---\n"
    )
    hub.add_dataset("org/pairs", tmp_path / "set")
    assert look(model, {"repo": "org/pairs", "config": "second"}).rows == 2
    found = look(model, {"repo": "org/pairs", "config": "first", "split": "train_prefs"})
    assert found.rows == 5
    for dataset, phrase in (
        ({}, "several configurations: first, second. Write dataset.config: first"),
        ({"config": "third"}, "no configuration 'third'; it has: first, second"),
        (
            {"config": "first"},
            "no split 'train'; its splits: train_prefs. Write dataset.split: train_prefs",
        ),
    ):
        with pytest.raises(InspectionError) as caught:
            look(model, {"repo": "org/pairs", **dataset})
        assert phrase in caught.value.message
        assert caught.value.reason == "DatasetNotFound"


def test_a_red_teams_transcripts_beside_hh_rlhf_do_not_stop_inspection(
    hub: Hub, model: str, tmp_path: Path
) -> None:
    directory = tmp_path / "hh"
    transcripts = [{"transcript": "\n\nHuman: x\n\nAssistant: y"}]
    pair = {side: f"\n\nHuman: q\n\nAssistant: {side}" for side in ("chosen", "rejected")}
    red = "red-team-attempts/red_team_attempts.jsonl.gz"
    parts = ("harmless-base", "helpful-base", "helpful-online")
    names = [f"{part}/{split}.jsonl.gz" for part in parts for split in ("train", "test")]
    for path in (*names, red):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(transcripts if path == red else pair)
        (directory / path).write_bytes(gzip.compress(text.encode()))
    hub.add_dataset("org/hh", directory)
    report = look(model, {"repo": "org/hh"})
    assert report.valid, report.problems
    assert (report.rows, report.preset, report.files_left_out) == (3, "hh-rlhf", [red])


@pytest.mark.parametrize("pattern", ["data/train-*", "{train,extra}-*.jsonl"])
def test_a_cards_pattern_that_matches_nothing_is_named(
    hub: Hub, model: str, tmp_path: Path, pattern: str
) -> None:
    stated = {"config_name": "default", "data_files": [{"split": "train", "path": pattern}]}
    text = json.dumps({"configs": [stated]})
    directory = tmp_path / "set"
    directory.mkdir()
    (directory / "README.md").write_text(f"---\n{text}\n---\n")
    (directory / "train-1.jsonl").write_text(json.dumps(ROWS[0]))
    hub.add_dataset("org/nothing", directory)
    with pytest.raises(InspectionError) as caught:
        look(model, {"repo": "org/nothing"})
    assert f"says that the split 'train' is in '{pattern}'" in caught.value.message
    assert "Write dataset.split: train" not in caught.value.message


def test_private_gated_and_missing(hub: Hub, model: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "set" / "train.jsonl", ROWS)
    hub.add_dataset("org/private", tmp_path / "set", private=True)
    hub.add_dataset("org/gated", tmp_path / "set", gated=True)
    assert look(model, {"repo": "org/private"}, hub.token).rows == 5
    assert look(model, {"repo": "org/gated"}, hub.token).rows == 5
    for repo, token, phrase in (
        ("org/private", None, "was not found on the hub, or is private"),
        ("org/gated", hub.other_token, "is gated: accept its terms"),
        ("org/none", None, "was not found on the hub"),
    ):
        with pytest.raises(InspectionError) as caught:
            look(model, {"repo": repo}, token)
        assert phrase in caught.value.message and repo in caught.value.message
        assert caught.value.reason == "DatasetNotFound"


def test_a_revision_that_does_not_exist(hub: Hub, model: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "set" / "train.jsonl", ROWS)
    hub.add_dataset("org/pairs", tmp_path / "set")
    with pytest.raises(InspectionError, match="no such revision"):
        look(model, {"repo": "org/pairs", "revision": "v9"})


def test_a_hub_that_hangs_or_fails(
    hub: Hub, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path / "set" / "train.jsonl", ROWS)
    hub.add_dataset("org/pairs", tmp_path / "set")
    hub.fault("/api/datasets/", hang=True)
    with monkeypatch.context() as patch:
        patch.setattr(hub_module, "TIMEOUT", 0.5)
        with pytest.raises(InspectionError, match="does not answer in time"):
            look(model, {"repo": "org/pairs"})
    hub.clear_faults()
    hub.fault("/api/datasets/", status=500)
    with pytest.raises(InspectionError, match="500"):
        look(model, {"repo": "org/pairs"})


def test_a_model_is_read_by_its_headers_alone(hub: Hub, model: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "set" / "train.jsonl", ROWS)
    hub.add_dataset("org/pairs", tmp_path / "set")
    report = look(model, {"repo": "org/pairs"})
    assert report.model.parameters == 100 * 16 + 32 * 16 + 16
    weights = [
        r for r in hub.requests if r.path.endswith("model.safetensors") and r.method == "GET"
    ]
    assert weights and all(request.range for request in weights)


def test_a_model_that_is_not_there(hub: Hub) -> None:
    with pytest.raises(InspectionError) as caught:
        look("org/nothing", {"repo": "org/pairs"})
    assert caught.value.reason == "ModelNotFound"


def test_addresses(hub: Hub, model: str) -> None:
    data = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    first, second = hub.add_file("one.jsonl", data), hub.add_file("two.jsonl", data)
    moved = hub.add_redirect("moved.jsonl", second)
    report = look(model, {"urls": [first, moved]})
    assert (report.rows, report.quality.duplicate_rows) == (10, 5)
    assert report.content_hash


def test_addresses_that_fail(hub: Hub, model: str) -> None:
    loop = hub.add_redirect("loop.jsonl", f"{hub.url}/files/loop.jsonl")
    page = hub.add_file("rows.jsonl", b"<!doctype html><title>Sign in</title>")
    for url, phrase in (
        (loop, "redirects more than 5 times"),
        (page, "is a web page, not data"),
        (hub.url + "/files/none.jsonl", "answers 404"),
        ("http://127.0.0.1:9/x.jsonl", "cannot be fetched"),
    ):
        with pytest.raises(InspectionError) as caught:
            look(model, {"urls": [url]})
        assert phrase in caught.value.message, caught.value.message


def test_all_files_are_fetched_before_the_first_is_read(hub: Hub, model: str) -> None:
    damaged = hub.add_file("rows.jsonl", b"<!doctype html><title>Sign in</title>")
    with pytest.raises(InspectionError, match=r"none\.jsonl answers 404"):
        look(model, {"urls": [damaged, hub.url + "/files/none.jsonl"]})


def test_nothing_is_fetched_where_the_evaluation_split_is_not_there(hub: Hub, model: str) -> None:
    url = hub.add_file("rows.jsonl", b"{}")
    before = len(hub.requests)
    with pytest.raises(InspectionError, match="has no splits"):
        look(model, {"urls": [url], "eval": {"split": "test"}})
    assert not [request for request in hub.requests[before:] if "rows.jsonl" in request.path]


def test_an_address_that_hangs(hub: Hub, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    hub.fault("/files/slow", hang=True)
    with pytest.raises(InspectionError, match=r"slow\.jsonl does not answer in time"):
        look(model, {"urls": [hub.add_file("slow.jsonl", b"{}")]})


def test_a_download_that_breaks_off_is_tried_again(hub: Hub, model: str) -> None:
    data = "".join(json.dumps(row) + "\n" for row in ROWS * 500).encode()
    url = hub.add_file("rows.jsonl", data)
    fault = hub.fault("GET /files/rows", cut_after=1000, times=1)
    assert look(model, {"urls": [url]}).rows == 2500
    assert fault.hits == 1


def test_secrets_in_an_address_are_not_shown(hub: Hub, model: str) -> None:
    url = hub.url.replace("//", "//user:secret@") + "/files/none.jsonl?token=hidden"
    with pytest.raises(InspectionError) as caught:
        look(model, {"urls": [url]})
    assert "secret" not in caught.value.message and "hidden" not in caught.value.message
