"""`bench/gpu/apply.py` on a copy of the checkout, and the whole benchmark rehearsed on the CPU."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.gpu.document import Document, read
from bench.gpu.fit import fit
from bench.gpu.measurements.grid import CASES
from bench.gpu.registry import measurements
from tests.kit.bench.gpu_documents import Card, cells
from tests.kit.repository import ROOT

CALIBRATION = Path("planner/src/dpojob_planner/estimates/calibration.json")
COPIED = ("api/src", "planner/src", "bench/gpu", "bench/memory")
FILES = ("hack/generators/plan_tables.py", "hack/generators/generated_files.py", "docs/plan.md")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what `apply` reads and writes."""
    copy = tmp_path / "checkout"
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, copy / file)
    return copy


def measured(path: Path, card: Card, *, rehearsal: bool = False) -> Path:
    document = Document(path, rehearsal)
    document.cells = cells(card)
    document.fit = fit(document.cells)
    document.write()
    return path


def apply(checkout: Path, document: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "bench/gpu/apply.py"), str(document), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_figures_of_a_card_come_into_the_planner_and_its_page(
    checkout: Path, tmp_path: Path
) -> None:
    document = measured(tmp_path / "found.json", Card())
    done = apply(checkout, document)
    assert done.returncode == 0, done.stderr
    written = json.loads((checkout / CALIBRATION).read_text())
    origin = {"card": "NVIDIA A10G", "date": read(document)["date"]}
    assert written["constants"]["QLORA_SLOWDOWN"] == {"value": 1.5, "measured": origin}
    assert all(constant["measured"] == origin for constant in written["constants"].values())
    assert written["rates"] == {
        "A10G": {"matmulTeraflops": 200.0, "trainingTeraflops": 120.0, "measured": origin}
    }
    page = (checkout / "docs/plan.md").read_text()
    text = f"measured on NVIDIA A10G, {origin['date']}"
    assert (
        f"| QLORA_SLOWDOWN | 1.5 | factor on the time of every pass with 4-bit weights | {text} |"
        in page
    )
    assert f"| 120.0 | 91% | other people's tables have 70 or 125, not verified | {text} |" in page
    for case in CASES:
        line = next(
            each for each in done.stdout.splitlines() if each.startswith(f"grid/{case.key} ")
        )
        assert "+0%" in line or "-0%" in line
    assert "time: lowest error" in done.stdout
    assert "memory: lowest error" in done.stdout


def test_a_figure_that_was_not_fitted_keeps_its_value(checkout: Path, tmp_path: Path) -> None:
    document = Document(tmp_path / "found.json", rehearsal=False)
    document.cells = [cell for cell in cells(Card()) if "qlora" not in cell["cell"]]
    document.fit = fit(document.cells)
    document.write()
    before = json.loads((checkout / CALIBRATION).read_text())["constants"]["QLORA_SLOWDOWN"]
    done = apply(checkout, document.path)
    assert done.returncode == 0, done.stderr
    assert "kept as it was: QLoRA slowdown" in done.stdout
    after = json.loads((checkout / CALIBRATION).read_text())["constants"]
    assert after["QLORA_SLOWDOWN"] == before
    assert after["CUDA_CONTEXT_GIB"]["measured"]


def test_a_rehearsal_is_refused(checkout: Path, tmp_path: Path) -> None:
    document = measured(tmp_path / "found.json", Card(), rehearsal=True)
    before = (checkout / CALIBRATION).read_text()
    done = apply(checkout, document)
    assert (done.returncode, (checkout / CALIBRATION).read_text()) == (2, before)
    assert "rehearsal" in done.stderr


@pytest.mark.train
def test_the_rehearsal_measures_every_cell_and_can_be_applied(
    checkout: Path, tmp_path: Path
) -> None:
    output = tmp_path / "rehearsal.json"
    command = [
        sys.executable,
        str(ROOT / "bench/gpu/run.py"),
        "--rehearse",
        "--output",
        str(output),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    document = read(output)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [cell["cell"] for cell in document["cells"]] == [
        cell.key for cell in measurements(rehearsal=True)
    ]
    assert {cell["status"] for cell in document["cells"]} == {"ok"}
    results: dict[str, dict[str, Any]] = {c["cell"]: c["result"] for c in document["cells"]}
    for method in ("full", "lora"):
        assert results[f"truth/margin-{method}"]["rewards/margins"] == 0
    assert results["job/resumed"]["resumedFrom"] == results["job/stopped"]["checkpointStep"]
    assert results["job/resumed"]["evaluations"] > 0
    assert results["job/resumed"]["samples"] > 0
    assert "model.safetensors" in results["job/resumed"]["files"]
    assert results["fsdp/full"]["outcome"] == results["fsdp/lora"]["outcome"] == "Succeeded"
    assert results["out-of-memory/induced"]["reason"] == "OutOfMemory"
    assert all(results[f"grid/{case.key}"]["stepSeconds"] > 0 for case in CASES)
    assert set(document["fit"]) >= {"trainingTeraflops", "QLORA_SLOWDOWN", "CUDA_CONTEXT_GIB"}
    applied = apply(checkout, output, "--rehearsal", "--kind", "T4")
    assert applied.returncode == 0, applied.stderr
    assert all(f"grid/{case.key} " in applied.stdout for case in CASES)
