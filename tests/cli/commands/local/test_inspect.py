"""`dpojob inspect`: exit status, JSON that is the contract, and what a person reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from tests.kit.cli.command_runner import run
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, job, pairs
from tests.kit.hub.server import Hub
from tests.kit.inspection.volume_fixture import write_rows

from dpojob_api.report import InspectionReport


def test_a_valid_dataset_is_exit_0_and_says_valid_first(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    result = run(
        "inspect", "-f", manifest(job(claim.model, claim.dataset)), "--volume", claim.option
    )
    assert result.code == 0, result.err
    assert result.out.startswith("VALID")
    assert "20 rows" in result.out.splitlines()[0]


def test_json_is_the_report_and_nothing_else(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, claim.dataset))
    result = run("inspect", "-f", path, "--volume", claim.option, "--json")
    report = InspectionReport.model_validate(result.json)
    assert (report.valid, report.rows, report.format) == (True, 20, "standard")
    assert report.model is not None and report.model.architecture == "Qwen2ForCausalLM"
    assert result.json.keys() >= {
        "valid",
        "format",
        "rows",
        "validRows",
        "columns",
        "mapping",
        "problems",
    }


def test_each_problem_is_shown_with_two_rows_short_and_harmless(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    same = "same \x1b[31m\u202e" + "long " * 1000
    rows = pairs(20)
    for number in (3, 5, 8):
        rows[number] |= {"chosen": same, "rejected": same}
    claim.write(rows)
    result = run(
        "inspect", "-f", manifest(job(claim.model, claim.dataset)), "--volume", claim.option
    )
    assert result.code == 1
    assert result.out.startswith("INVALID")
    assert "IdenticalPair  3 rows" in result.out
    assert "row 3\n" in result.out and "row 5\n" in result.out and "row 8\n" not in result.out
    assert r"same \x1b[31m\u202e" in result.out
    assert "\x1b" not in result.out and "\u202e" not in result.out
    assert max(map(len, result.out.splitlines())) < 400


def test_rows_of_the_evaluation_split_are_shown_from_that_split(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    write_rows(claim.directory / "pairs" / "train.jsonl", pairs(20))
    bad = [{**row, "prompt": f"held out {number}"} for number, row in enumerate(pairs(5))]
    bad[3]["chosen"] = None
    write_rows(claim.directory / "pairs" / "test.jsonl", bad)
    dataset = {"volume": {"claimName": "data", "path": "pairs"}, "eval": {"split": "test"}}
    path = manifest(job(claim.model, dataset))
    result = run("inspect", "-f", path, "--volume", claim.option)
    shown = result.out.split("NullValue")[1]
    assert "row 3 of test\n" in shown
    assert "held out 3" in shown


def test_a_suggestion_is_yaml_that_makes_the_job_valid(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    renamed = {"prompt": "question", "chosen": "good_response", "rejected": "bad_response"}
    claim.write([{renamed[key]: value for key, value in row.items()} for row in pairs(20)])
    text = job(claim.model, claim.dataset)
    result = run("inspect", "-f", manifest(text), "--volume", claim.option)
    assert result.code == 1
    pasted = result.out.split("Add to the job:\n")[1].split("\n\n")[0]
    suggestion = yaml.safe_load(pasted)["spec"]["dataset"]
    assert suggestion == {"columnMapping": renamed}
    corrected = job(claim.model, {**claim.dataset, **suggestion})
    assert run("inspect", "-f", manifest(corrected), "--volume", claim.option).code == 0


def test_an_inspection_error_is_exit_2_in_text_and_in_json(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, {"volume": {"claimName": "data", "path": "none.jsonl"}}))
    result = run("inspect", "-f", path, "--volume", claim.option)
    assert (result.code, result.out) == (2, "")
    assert "none.jsonl" in result.err
    result = run("inspect", "-f", path, "--volume", claim.option, "--json")
    assert result.code == 2
    assert (result.json["valid"], result.json["reason"]) == (False, "DatasetNotFound")


def test_a_claim_without_a_directory_is_asked_for(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    result = run("inspect", "-f", manifest(job(claim.model, claim.dataset)))
    assert result.code == 2
    assert "--volume data=DIR" in result.err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("data", "--volume CLAIM=DIR"),
        ("data=/no/such/place", "is not a directory"),
        (
            f"data={Path(__file__).parent.parent / 'locol'}",
            f"did you mean {Path(__file__).parent}?",
        ),
        ("other=.", "names no such claim"),
    ],
)
def test_a_wrong_volume_is_explained(
    claim: ClaimDirectory, manifest: WriteManifest, option: str, message: str
) -> None:
    path = manifest(job(claim.model, claim.dataset))
    options = ["--volume", option] + (["--volume", claim.option] if option[0] == "o" else [])
    result = run("inspect", "-f", path, *options)
    assert result.code == 2
    assert message in result.err


def test_a_job_on_a_cluster_cannot_be_looked_up_here(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job({"fromJob": {"name": "sft"}}, claim.dataset))
    result = run("inspect", "-f", path, "--volume", claim.option)
    assert result.code == 2
    assert "'sft' is a job on a cluster" in result.err


def test_a_private_dataset_on_the_hub_needs_the_token(
    hub: Hub, claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    hub.add_model("org/model", claim.directory / "model")
    shutil.rmtree(claim.directory / "model")
    hub.add_dataset("org/pairs", claim.directory, private=True)
    path = manifest(job({"repo": "org/model"}, {"repo": "org/pairs"}))
    home = {"HF_HOME": str(claim.directory.parent / "home"), "HF_TOKEN": ""}
    refused = run("inspect", "-f", path, env=hub.env() | home)
    assert refused.code == 2
    assert "org/pairs" in refused.err
    seen = run("inspect", "-f", path, "--json", env=home | hub.env(hub.token))
    assert seen.code == 0, seen.err
    assert seen.json["revision"] == hub.repository("org/pairs", "dataset").branches["main"]


def test_an_address_is_fetched_anew_by_the_next_command_and_nothing_stays(
    hub: Hub, claim: ClaimDirectory, manifest: WriteManifest, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    good = pairs(3)
    url = hub.add_file("pairs.jsonl", json.dumps({**good[0], "chosen": None}).encode())
    path = manifest(job(claim.model, {"urls": [url]}))
    ask = ("inspect", "-f", path, "--volume", claim.option)
    env = hub.env() | {"TMPDIR": str(temporary)}
    assert run(*ask, env=env).code == 1
    hub.add_file("pairs.jsonl", "\n".join(map(json.dumps, good)).encode())
    seen = run(*ask, env=env)
    assert seen.code == 0, seen.out + seen.err
    assert list(temporary.iterdir()) == []
