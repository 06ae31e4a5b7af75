"""A small model and dataset on two claims' directories, and the tenant of a control plane with a job."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, pairs
from tests.kit.cli.tenant_job import MANIFEST, Tenant, TenantJob, make_tenant
from tests.kit.crds import apply_crds
from tests.kit.inspection.word_model import write_word_model
from tests.kit.repository import ROOT


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


@pytest.fixture(scope="session")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    apply_crds(control_plane, ROOT / "crds")
    return make_tenant(control_plane, tmp_path_factory.mktemp("tenant"))


@pytest.fixture
def cluster_job(tenant: Tenant) -> Iterator[TenantJob]:
    used = TenantJob(tenant)
    used.kubectl("create", "-f", "-", input=MANIFEST)
    yield used
    used.kubectl("delete", "dpojob", "helpful", "--ignore-not-found")
