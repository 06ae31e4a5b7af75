"""Paths and patterns on a claim that lead to no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpojob_api.spec import ClaimPath
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.sources.volume import open_volume


def test_a_pattern_that_matches_nothing_gets_the_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/train.jsonl").write_text("")
    location = ClaimPath(claim_name="data", path="pairs/*.json")
    with pytest.raises(InspectionError, match=r"it holds: .*Did you mean pairs/train\.jsonl\?"):
        open_volume(location, {"data": tmp_path}, "train")
