"""`dpojob train`: real TRL on this machine, the cluster's artifacts, and Ctrl-C that loses nothing."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kit import tiny_models
from tests.kit.cli.command_runner import COMMAND, run
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, job, pairs

TRAINING = {"learningRate": 5.0e-4, "batchSize": 4, "maxLength": 64, "epochs": 12}
MAPPING = {"prompt": "question", "chosen": "good_response", "rejected": "bad_response"}


@dataclass(frozen=True)
class TrainingSetup:
    """A job that trains in a few steps."""

    manifest: Path
    volume: str
    directory: Path


@pytest.fixture(scope="module")
def training_setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingSetup]:
    directory = tmp_path_factory.mktemp("train")
    claim = directory / "claim"
    tiny_models.make_model(claim / "model", teach_steps=2)
    tiny_models.write_jsonl(claim / "train.jsonl", tiny_models.make_pairs(48))
    manifest = directory / "job.yaml"
    volume = {"claimName": "data"}
    manifest.write_text(
        job(
            {"volume": volume | {"path": "model"}},
            {
                "volume": volume | {"path": "train.jsonl"},
                "columnMapping": MAPPING,
                "eval": {"fraction": 0.1},
            },
            training=TRAINING,
            samples={"prompts": ["How do I clean the kettle?"]},
        )
    )
    yield TrainingSetup(manifest, f"data={claim}", directory)


@pytest.mark.train
def test_ctrl_c_saves_and_the_same_command_continues_to_what_the_cluster_would_make(
    training_setup: TrainingSetup,
) -> None:
    output = training_setup.directory / "tuned"
    options = [
        "-f",
        str(training_setup.manifest),
        "--volume",
        training_setup.volume,
        "--output",
        str(output),
    ]
    process = subprocess.Popen(
        [COMMAND, "train", *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    assert process.stderr is not None
    # A small pipe, which holds half of the lines, and whose lines are not read, holds the training up, so that it
    # does not end before the signal.
    fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    for line in process.stderr:
        if line.startswith(b"step 2/"):
            break
    process.send_signal(signal.SIGINT)
    out, err = (text.decode() for text in process.communicate())
    assert process.returncode == 12, err
    assert out.startswith("INTERRUPTED")
    assert "The same command goes on from the checkpoint" in err
    assert not (output / "config.json").exists()

    rest = run("train", *options, "--json")
    assert rest.code == 0, rest.err
    assert rest.json["outcome"] == "Succeeded"
    assert rest.json["progress"]["step"] == rest.json["progress"]["maxSteps"]
    first = re.search(r"^step (\d+)/", rest.err, re.MULTILINE)
    assert first is not None and int(first[1]) > 2
    for name in ("config.json", "README.md", "report.html", "metrics.jsonl", "inspection.json"):
        assert (output / name).is_file(), name
    assert not (output / ".checkpoints").exists()

    again = run("train", *options, "--json")
    assert again.code == 0
    assert again.json["progress"] == rest.json["progress"]


def test_an_invalid_dataset_never_reaches_training(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    rows = pairs(20)
    rows[3]["chosen"] = None
    claim.write(rows)
    path = manifest(job(claim.model, claim.dataset))
    output = claim.directory.parent / "out"
    result = run("train", "-f", path, "--volume", claim.option, "--output", output)
    assert result.code == 10
    assert "NullValue" in result.out
    assert not output.exists()


def test_an_output_volume_is_a_directory_of_the_users_choice(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, claim.dataset, output={"volume": {"claimName": "models"}}))
    missing = run("train", "-f", path, "--volume", claim.option)
    assert missing.code == 2
    assert "--volume models=DIR" in missing.err
    both = run("train", "-f", path, "--volume", claim.option, "--output", "x")
    assert both.code == 2
    assert "--volume models=DIR" in both.err


def test_a_job_that_only_validates_is_not_trained(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, claim.dataset, validateOnly=True))
    output = claim.directory.parent / "out"
    result = run("train", "-f", path, "--volume", claim.option, "--output", output)
    assert result.code == 0, result.err
    assert "nothing is trained" in result.err
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_named_before_training(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, claim.dataset))
    output = claim.directory / "train.jsonl" / "below-a-file"
    result = run("train", "-f", path, "--volume", claim.option, "--output", output)
    assert result.code == 2
    assert "below-a-file" in result.err
