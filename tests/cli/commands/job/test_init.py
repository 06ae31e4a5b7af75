"""`dpojob init`: the manifest it writes, what it asks, and what it does with answers that cannot be used."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.kit.cli.command_runner import COMMAND, run_inside
from tests.kit.cli.local_job import pairs
from tests.kit.inspection.volume_fixture import write_rows


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "job.yaml"


def test_answers_make_the_manifest_and_empty_ones_take_the_defaults(file: Path) -> None:
    answers = ["", "my-org/pairs", "", ""]
    result = run_inside("init", str(file), "--no-look", typed="\n".join([*answers, ""]))
    assert (result.code, result.out) == (0, f"{file}\n"), result.err
    found = yaml.safe_load(file.read_text())
    assert found["metadata"] == {"name": "qwen2-5-0-5b-instruct-dpo"}
    assert found["spec"] == {
        "model": {"repo": "Qwen/Qwen2.5-0.5B-Instruct"},
        "dataset": {"repo": "my-org/pairs"},
    }


def test_what_was_given_as_an_option_is_not_asked(file: Path) -> None:
    options = ("--from-job", "my-sft", "--dataset", "my-org/pairs", "--name", "second")
    result = run_inside("init", str(file), *options, "--no-look", typed="12.50\n")
    assert result.code == 0, result.err
    assert result.err.count("?") == 1
    found = yaml.safe_load(file.read_text())
    assert found["spec"]["model"] == {"fromJob": {"name": "my-sft"}}
    assert found["spec"]["budget"] == {"maxCost": "12.50"}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["https://x/model", "", "a/b", "", ""], "a model is a repository"),
        (["", "", "a/b", "", ""], "write a repository like org/name"),
        (["", "./no-such.jsonl", "a/b", "", ""], "no such file or directory"),
        (["", str(Path(__file__)), "a/b", "", ""], "copy it to a claim"),
        (["", "a/b", "My Job!", "", ""], "metadata.name"),
        (["", "a/b", "", "$20", "20"], "an amount in quotes and without a currency"),
    ],
)
def test_an_answer_that_cannot_be_used_is_explained_and_asked_for_again(
    file: Path, answers: list[str], message: str
) -> None:
    result = run_inside("init", str(file), "--no-look", typed="\n".join([*answers, ""]))
    assert (result.code, message in result.err) == (0, True), result.err
    assert yaml.safe_load(file.read_text())["spec"]["dataset"] == {"repo": "a/b"}


def test_on_a_real_terminal(file: Path) -> None:
    ours, theirs = pty.openpty()
    command = [COMMAND, "init", str(file), "--no-look"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen = b""
    answers = {
        b"Which model": b"\n",
        b"Which dataset": b"org/p\n",
        b"called": b"\n",
        b"cost": b"\n",
    }
    for question, answer in answers.items():
        while question not in screen:
            screen += os.read(ours, 4096)
        screen = b""
        os.write(ours, answer)
    assert process.wait() == 0
    os.close(ours)
    assert yaml.safe_load(file.read_text())["spec"]["dataset"] == {"repo": "org/p"}


def test_an_end_of_input_ends_it(file: Path) -> None:
    result = run_inside("init", str(file), "--no-look", typed="org/model\n")
    assert result.code == 1
    assert not file.exists()
