"""Symbolic links: followed inside a volume, refused out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpojob_trainer.inspection import InspectionError

ROW = {"prompt": "p", "chosen": "yes", "rejected": "no"}

LINE = json.dumps(ROW).encode() + b"\n"


def test_a_link_out_of_the_volume_is_refused(volume, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "train.jsonl").write_bytes(LINE)
    folder = volume.root / "pairs"
    folder.mkdir()
    (folder / "train.jsonl").symlink_to(outside / "train.jsonl")
    with pytest.raises(InspectionError, match="a link out of the volume"):
        volume.inspect()
    (folder / "train.jsonl").unlink()
    folder.rmdir()
    folder.symlink_to(outside)
    with pytest.raises(InspectionError, match="a link out of the volume"):
        volume.inspect()


def test_a_link_inside_the_volume_is_followed(volume) -> None:
    (volume.root / "store").mkdir()
    (volume.root / "store" / "rows.jsonl").write_bytes(LINE)
    (volume.root / "pairs").mkdir()
    (volume.root / "pairs" / "train.jsonl").symlink_to(Path("../store/rows.jsonl"))
    assert volume.inspect().valid


def test_a_model_outside_the_volume_is_refused(volume, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("elsewhere")
    (volume.root / "model" / "config.json").rename(outside / "config.json")
    (volume.root / "model" / "config.json").symlink_to(outside / "config.json")
    volume.rows([ROW])
    with pytest.raises(InspectionError, match="a link out of the volume") as caught:
        volume.inspect()
    assert caught.value.reason == "ModelNotFound"
