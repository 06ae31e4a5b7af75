"""A dataset before there is a job, and a manifest from answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import pairs, run_inside
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


def test_init_writes_a_commented_manifest_that_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    options = (
        "--dataset",
        "pvc://data/pairs.jsonl",
        "--model",
        "org/model",
        "--max-cost",
        "5",
        "--yes",
    )
    result = run_inside("init", str(file), *options, "--no-look")
    assert (result.code, result.out) == (0, f"{file}\n"), result.err
    text = file.read_text()
    found = yaml.safe_load(text)
    assert found["spec"] == {
        "model": {"repo": "org/model"},
        "dataset": {"volume": {"claimName": "data", "path": "pairs.jsonl"}},
        "budget": {"maxCost": "5"},
    }
    # Each default stands there as a comment that can be taken in as it is.
    taken_in = text.replace("  # training:", "  training:").replace("  #   epochs:", "    epochs:")
    assert yaml.safe_load(taken_in)["spec"]["training"] == {"epochs": 1}
    assert run_inside("init", str(file), *options).code == 2


def test_init_asks_nothing_of_a_pipe(tmp_path: Path) -> None:
    result = run_inside("init", str(tmp_path / "job.yaml"))
    assert (result.code, "--dataset and --yes" in result.err) == (2, True)


def test_init_takes_over_the_suggested_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dpojob.commands.job import init

    rows = [{"question": r["prompt"], "good": r["chosen"], "bad": r["rejected"]} for r in pairs(20)]
    (tmp_path / "claim").mkdir()
    write_rows(tmp_path / "claim/pairs.jsonl", rows)
    # The directory stands for the claim, which no test can mount.
    look = init.look_at
    monkeypatch.setattr(
        init, "look_at", lambda dataset, _: look(dataset, {"data": tmp_path / "claim"})
    )
    file = tmp_path / "job.yaml"
    result = run_inside("init", str(file), "--dataset", "pvc://data/pairs.jsonl", "--yes")
    assert result.code == 0, result.err
    mapping = yaml.safe_load(file.read_text())["spec"]["dataset"]["columnMapping"]
    assert mapping == {"prompt": "question", "chosen": "good", "rejected": "bad"}
    assert "20 rows with the columns question, good, bad" in " ".join(file.read_text().split())
