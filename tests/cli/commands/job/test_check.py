"""A dataset before there is a job, and a manifest from answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.kit.cli.command_runner import run_inside
from tests.kit.cli.local_job import pairs
from tests.kit.inspection.volume_fixture import write_rows


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    write_rows(path, pairs(20))
    return path


def test_a_dataset_is_checked_without_a_model(dataset: Path) -> None:
    result = run_inside("check", str(dataset))
    assert result.code == 0, result.err
    assert result.out.startswith("VALID")
    assert "model" not in result.out
    report = run_inside("check", str(dataset), "--json").json
    assert (report["rows"], report.get("model")) == (20, None)
    assert report["problems"] == []


def test_conversations_need_no_template_to_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    turn = {"role": "user", "content": "Hi?"}
    rows = [
        {"chosen": [turn, {"role": "assistant", "content": f"yes {n}"}],
         "rejected": [turn, {"role": "assistant", "content": f"no {n}"}]}
        for n in range(20)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run_inside("check", str(path))
    assert result.code == 0, result.out


def test_a_mapping_is_suggested_and_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"question": r["prompt"], "good": r["chosen"], "bad": r["rejected"]} for r in pairs(20)]
    write_rows(path, rows)
    result = run_inside("check", str(path))
    assert (result.code, "columnMapping" in result.out) == (1, True)
    mapping = ("--map", "prompt=question", "--map", "chosen=good", "--map", "rejected=bad")
    assert run_inside("check", str(path), *mapping).code == 0


def test_a_mistyped_path_names_the_nearest(dataset: Path) -> None:
    result = run_inside("check", str(dataset.with_name("pair.jsonl")))
    assert (result.code, f"did you mean {dataset}?" in result.err) == (2, True)
