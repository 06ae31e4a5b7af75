"""The inspection container: its exit status, its termination message, and the files it writes."""

import json
import subprocess
import sys

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model
from tests.kit.tiny_models import make_pairs, write_jsonl

from dpojob_api import constants
from dpojob_trainer.__main__ import main


@pytest.fixture(autouse=True)
def inputs(tmp_path, monkeypatch):
    """A dataset with a config-only model, and an output claim, in the container's environment."""
    claim, output = tmp_path / "inputs", tmp_path / "models"
    write_jsonl(claim / "data/train.jsonl", make_pairs(50, 0))
    output.mkdir()
    monkeypatch.setenv("DPOJOB_TERMINATION_LOG", str(tmp_path / "termination-log"))
    monkeypatch.setenv(constants.ENV_SCRATCH, str(tmp_path))
    mapping = {"prompt": "question", "chosen": "good_response", "rejected": "bad_response"}
    spec = {
        "model": {"volume": {"claimName": "inputs", "path": "model"}},
        "dataset": {
            "volume": {"claimName": "inputs", "path": "data/train.jsonl"},
            "columnMapping": mapping,
        },
        "output": {"volume": {"claimName": "models", "path": "mine"}},
    }
    manifest = {"metadata": {"name": "mine", "namespace": "default", "uid": "uid-1"}, "spec": spec}
    files = tmp_path / "files"
    files.mkdir()
    volumes = {"inputs": str(claim), "models": str(output)}
    (files / constants.INPUT_MANIFEST).write_text(json.dumps(manifest))
    (files / constants.INPUT_VOLUMES).write_text(json.dumps(volumes))
    monkeypatch.setenv(constants.ENV_INPUTS, str(files))
    # The container's main function sets it in this process. Set and deleted here, it is as before after the test.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")


def termination_message(tmp_path):
    return json.loads((tmp_path / "termination-log").read_text())


def occupy(tmp_path, uid):
    """Another training's finished model in the output directory."""
    directory = tmp_path / "models/mine"
    directory.mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "lineage.json").write_text(json.dumps({"uid": uid, "job": "other", "key": uid}))
    (directory / constants.FILE_INSPECTION).write_text("theirs")
    return directory


def test_an_output_directory_of_another_job_is_refused_and_left_as_it_is(tmp_path):
    directory = occupy(tmp_path, "uid-2")
    assert main(["inspect"]) == constants.ExitCode.UNREADABLE_INPUT
    assert termination_message(tmp_path)["reason"] == "OutputOccupied"
    assert (directory / constants.FILE_INSPECTION).read_text() == "theirs"


def test_a_missing_model_is_reported_in_the_termination_message(tmp_path):
    assert main(["inspect"]) == constants.ExitCode.UNREADABLE_INPUT
    message = termination_message(tmp_path)
    assert message["reason"] == "ModelNotFound"
    assert "model" in message["error"]
    assert not (tmp_path / "models/mine").exists()


def test_the_page_of_the_report_is_beside_it_with_rows_but_no_secret(tmp_path):
    make_bare_model(tmp_path / "inputs/model")
    rows = [dict(row) for row in make_pairs(50, 0)]
    rows[3]["good_response"] += " AKIAQ3EGRVZX7TSWAB2C"
    rows[4] |= {"good_response": rows[4]["bad_response"]}
    write_jsonl(tmp_path / "inputs/data/train.jsonl", rows)
    assert main(["inspect"]) == constants.ExitCode.INVALID
    directory = tmp_path / "models/mine"
    page = (directory / constants.FILE_INSPECTION_PAGE).read_text()
    assert "IdenticalPair" in page and rows[4]["bad_response"] in page
    assert "AKIA" in page and "AKIAQ3EGRVZX7TSWAB2C" not in page
    report = json.loads((directory / constants.FILE_INSPECTION).read_text())
    message = termination_message(tmp_path)
    assert report["page"] == message["page"] == "mine/inspection.html"
    assert {"kind": "Secret", "rows": 1} in [
        {key: group[key] for key in ("kind", "rows")} for group in message["suspects"]
    ]


def test_a_page_that_cannot_be_written_leaves_the_report(tmp_path):
    make_bare_model(tmp_path / "inputs/model")
    (tmp_path / "models/mine" / constants.FILE_INSPECTION_PAGE).mkdir(parents=True)
    assert main(["inspect"]) == constants.ExitCode.OK
    assert termination_message(tmp_path).get("page") is None
    assert (tmp_path / "models/mine" / constants.FILE_INSPECTION).is_file()


def test_an_inspection_starts_no_threads_for_linear_algebra():
    code = (
        "import threadpoolctl; from dpojob_trainer.__main__ import main; main(['inspect']); "
        "print('threads', *[each['num_threads'] for each in threadpoolctl.threadpool_info()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "threads 1"
