"""The wheels install from a package index, without torch, and the command works from them."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model, write_rows

ROOT = Path(__file__).resolve().parents[2]
JOB = """
apiVersion: dpojob.dev/v1alpha1
kind: DPOJob
metadata: {name: first}
spec:
  model: {volume: {claimName: data, path: model}}
  dataset: {volume: {claimName: data, path: pairs.jsonl}}
"""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a package index with the wheels of this checkout."""
    directory = tmp_path_factory.mktemp("wheels")
    subprocess.run([sys.executable, ROOT / "hack/release.py", "wheels", directory], check=True)
    handler = functools.partial(QuietHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()


@pytest.fixture(scope="module")
def installed(index: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which `dpojob[inspect]` was installed from the index."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    uv = ROOT / "hack/uv"
    subprocess.run([uv, "venv", "--quiet", environment], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--index", index, "dpojob[inspect]"],
        check=True, env={**os.environ, "VIRTUAL_ENV": str(environment), "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    return environment / "bin"


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


def test_the_installed_command_plans(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(JOB)
    done = run(
        installed, tmp_path, "plan", "-f", "job.yaml", "--parameters", "1.5B", "--rows", "1000"
    )
    assert done.returncode == 0, done.stderr
    assert "t4-medium" in done.stdout


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


def test_the_installed_command_inspects(installed: Path, job: Path) -> None:
    done = run(installed, job, "inspect", "-f", "job.yaml", "--volume", "data=.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("VALID")


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
