"""Which directories the model may be put into: nothing of the user's is replaced or mixed with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.shared.output_check import check_output

WAY_OUT = "in output.volume.path"


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """A claim with a model, a dataset, and a directory of its own for the output."""
    for name in ("model/config.json", "data/pairs.jsonl", "data/more/extra.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "out").mkdir()
    return tmp_path


def check(claim: Path, output: str, **spec: Any) -> None:
    read = {
        "model": {"volume": {"claimName": "work", "path": "model"}},
        "dataset": {"volume": {"claimName": "work", "path": "data/pairs.jsonl"}},
        "output": {"volume": {"claimName": "work", "path": output}},
        **spec,
    }
    check_output(DPOJobSpec.model_validate(read), {"work": claim}, "mine")


def refusal(claim: Path, output: str, **spec: Any) -> str:
    with pytest.raises(InspectionError) as caught:
        check(claim, output, **spec)
    assert caught.value.reason == "OutputOccupied"
    assert WAY_OUT in caught.value.message
    return caught.value.message


def test_a_directory_that_is_absent_or_empty_is_taken(claim: Path) -> None:
    check(claim, "new")
    check(claim, "out")


def test_unrelated_files_are_no_reason_to_refuse(claim: Path) -> None:
    for name in ("notes.txt", "inspection.json", "train.py"):
        (claim / "out" / name).write_text("mine")
    check(claim, "out")


@pytest.mark.parametrize("output", ["", "data"])
def test_a_directory_that_holds_the_dataset_is_refused(claim: Path, output: str) -> None:
    other = {"model": {"repo": "org/model"}}
    assert "holds what dataset.volume names" in refusal(claim, output, **other)


def test_a_directory_that_the_datasets_pattern_reads_is_refused(claim: Path) -> None:
    pattern = {"dataset": {"volume": {"claimName": "work", "path": "data/*/*.jsonl"}}}
    assert "holds what dataset.volume names" in refusal(claim, "data", **pattern)


@pytest.mark.parametrize("output", ["", "model"])
def test_a_directory_that_holds_the_base_model_is_refused(claim: Path, output: str) -> None:
    assert "holds what model.volume names" in refusal(claim, output)


def test_a_directory_within_the_base_models_own_is_taken(claim: Path) -> None:
    check(claim, "model/tuned")


@pytest.mark.parametrize(
    "name", ["model-00001-of-00002.safetensors", "pytorch_model.bin", "README.md", "tokenizer.json"]
)
def test_files_that_the_models_would_replace_or_be_mixed_with_are_refused(
    claim: Path, name: str
) -> None:
    (claim / "out" / name).write_text("mine")
    assert f"holds {name}, which the model's files would replace" in refusal(claim, "out")


def test_what_a_publication_that_was_cut_short_left_is_no_foreign_file(claim: Path) -> None:
    (claim / "out/README.md").write_text("a card")
    (claim / "out/lineage.json").write_text(json.dumps({"files": ["README.md", "config.json"]}))
    check(claim, "out")
