"""The wheels, installed from a package index: without torch, and with all that the command needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model, write_rows

JOB = """
apiVersion: dpojob.dev/v1alpha1
kind: DPOJob
metadata: {name: first}
spec:
  model: {volume: {claimName: data, path: model}}
  dataset: {volume: {claimName: data, path: pairs.jsonl}}
"""


pytestmark = pytest.mark.cluster


def run(installed: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed command in a directory that holds nothing of the checkout."""
    return subprocess.run(
        [installed / "dpojob", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_inspect_installs_no_torch(installed: Path) -> None:
    code = "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('transformers'))"
    done = subprocess.run(
        [installed / "python", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None None"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A directory with a job, its model and its pairs."""
    make_bare_model(tmp_path / "model")
    rows = [
        {"prompt": f"Is {n} even?", "chosen": f"{n} has two halves.", "rejected": "Guess."}
        for n in range(9)
    ]
    write_rows(tmp_path / "pairs.jsonl", rows)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def test_train_without_its_packages_names_the_extra(installed: Path, job: Path) -> None:
    done = run(installed, job, "train", "-f", "job.yaml", "--volume", "data=.", "--output", "tuned")
    assert done.returncode == 2
    assert "pip install 'dpojob[train]'" in done.stdout + done.stderr


def test_the_page_of_ui_is_in_the_wheel_with_its_chart_library(installed: Path) -> None:
    code = "from dpojob.page.server import STATIC; print(*(p.relative_to(STATIC) for p in STATIC.rglob('*.*')))"
    done = subprocess.run(
        [installed / "python", "-c", code], capture_output=True, text=True, check=True
    )
    files = set(done.stdout.split())
    assert {"index.html", "main.js", "page.css", "vendor/uplot-1.6.32/uPlot.iife.min.js"} <= files
