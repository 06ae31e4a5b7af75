"""A small model and dataset on two claims' directories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, pairs
from tests.kit.inspection.word_model import write_word_model


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's directory: config, weights, tokenizer, chat template."""
    directory = tmp_path_factory.mktemp("model")
    write_word_model(directory)
    return directory


@pytest.fixture
def claim(tmp_path: Path, model_files: Path) -> ClaimDirectory:
    """With twenty good pairs."""
    directory = tmp_path / "claim"
    shutil.copytree(model_files, directory / "model")
    volume = {"claimName": "data"}
    made = ClaimDirectory(
        directory,
        f"data={directory}",
        {"volume": volume | {"path": "model"}},
        {"volume": volume | {"path": "train.jsonl"}},
    )
    made.write(pairs(20))
    return made


@pytest.fixture
def manifest(tmp_path: Path) -> WriteManifest:
    """Writes a manifest to a file."""

    def write(text: str) -> Path:
        path = tmp_path / "job.yaml"
        path.write_text(text)
        return path

    return write
