"""A file that is replaced after its inspection is not trained on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.kit.inspection.training_rows import loaded
from tests.kit.inspection.volume_fixture import InspectionVolume, spec_of, write_rows

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection import accepted_rows
from dpojob_trainer.shared.errors import InspectionError

ROWS = [{"prompt": f"q{i}", "chosen": "yes", "rejected": "no"} for i in range(3000)]
POISONED = [{**row, "chosen": "bad"} for row in ROWS]
ALL = {"eval": {"fraction": 0}}
SPLIT = {"eval": {"split": "test"}}


def replace(path: Path) -> None:
    """Another file under the old name, of the same size and modification time."""
    status = path.stat()
    write_rows(path.with_name("new"), POISONED).replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def refusal(volume: InspectionVolume, dataset: dict, split: str = "train") -> InspectionError:
    report = volume.inspect(dataset)
    replace(volume.root / "pairs" / ("train.jsonl" if split == "train" else "test.jsonl"))
    with pytest.raises(InspectionError) as caught:
        list(accepted_rows(spec_of(dataset), report, volume.volumes, split=split))  # type: ignore[arg-type]
    assert caught.value.reason == Reason.DATASET_CHANGED
    return caught.value


def test_another_content_under_the_old_name_is_refused_by_name(volume) -> None:
    assert "pairs/train.jsonl was changed" in refusal(volume.rows(ROWS), ALL).message


def test_of_several_files_the_one_written_last_is_named(volume) -> None:
    volume.rows(ROWS, "other.jsonl").rows(ROWS)
    os.utime(volume.root / "pairs" / "other.jsonl", (1, 1))
    assert "written last: pairs/train.jsonl" in refusal(volume, ALL).message


def test_the_evaluation_split_is_held_to_its_hash_too(volume) -> None:
    volume.rows(ROWS).rows([{**row, "prompt": f"t {row['prompt']}"} for row in ROWS], "test.jsonl")
    assert "pairs/test.jsonl" in refusal(volume, SPLIT, "eval").message


def test_a_file_replaced_while_it_is_read_is_refused(volume) -> None:
    report = volume.rows(ROWS).inspect(ALL)
    rows = accepted_rows(spec_of(ALL), report, volume.volumes)
    next(rows)
    replace(volume.root / "pairs" / "train.jsonl")
    with pytest.raises(InspectionError, match="changed or replaced"):
        list(rows)


def test_a_file_that_did_not_change_is_read(volume) -> None:
    report = volume.rows(ROWS).inspect(ALL)
    assert len(list(accepted_rows(spec_of(ALL), report, volume.volumes))) == len(ROWS)


@pytest.mark.train
def test_training_keeps_nothing_of_it_for_a_later_attempt(volume) -> None:
    report = volume.rows(ROWS).inspect(ALL)
    replace(volume.root / "pairs" / "train.jsonl")
    with pytest.raises(InspectionError, match="changed or replaced"):
        loaded(volume.root, spec_of(ALL), report)
    assert not list(volume.root.rglob("*.arrow"))
