"""Every cell is recorded: also one that hangs, one that ends its process, and those after the time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from bench.gpu.cells import Cell
from bench.gpu.document import SCHEMA_VERSION, Document, read
from bench.gpu.registry import measurements
from bench.gpu.supervisor import Supervisor

WORKER = """
import json, os, sys, time
with os.fdopen(int(sys.argv[1]), "w") as results:
    for cell in sys.argv[2:]:
        if cell == "s/hangs":
            time.sleep(3600)
        if cell == "s/ends":
            print("illegal memory access")
            sys.exit(3)
        line = {"status": "ok", "result": {"pid": os.getpid()}, "seconds": 0.1}
        if cell == "s/fails":
            line = {"status": "failed", "error": "ValueError: no", "seconds": 0.1}
        print(json.dumps(line), file=results, flush=True)
"""


def run(tmp_path: Path, names: list[str], patience: float = 1.0) -> dict[str, dict[str, Any]]:
    document = Document(tmp_path / "found.json", rehearsal=True)
    cells = [Cell("s", name, 1.0) for name in names]
    Supervisor(document, tmp_path / "log", [sys.executable, "-c", WORKER], patience).run(cells)
    written = read(tmp_path / "found.json")
    assert [cell["cell"] for cell in written["cells"]] == [cell.key for cell in cells]
    return {cell["cell"]: cell for cell in written["cells"]}


def test_the_cells_after_a_lost_one_are_measured(tmp_path: Path) -> None:
    found = run(tmp_path, ["first", "hangs", "last"])
    assert [cell["status"] for cell in found.values()] == ["ok", "timedOut", "ok"]
    assert found["s/hangs"]["error"] == "took more than 1 s"
    assert found["s/first"]["result"]["pid"] != found["s/last"]["result"]["pid"]


def test_a_cell_that_ends_the_worker_is_recorded_with_its_log(tmp_path: Path) -> None:
    found = run(tmp_path, ["fails", "ends", "last"], patience=60.0)
    assert [cell["status"] for cell in found.values()] == ["failed", "failed", "ok"]
    assert found["s/fails"]["error"] == "ValueError: no"
    assert "status 3" in found["s/ends"]["error"]
    assert "illegal memory access" in found["s/ends"]["error"]


def test_what_is_left_when_the_time_is_over_is_named(tmp_path: Path) -> None:
    found = run(tmp_path, ["first", "second"], patience=0.0)
    assert [cell["status"] for cell in found.values()] == ["leftOut", "leftOut"]
    assert all(cell["error"] for cell in found.values())


def test_the_document_is_whole_after_every_cell(tmp_path: Path) -> None:
    document = Document(tmp_path / "found.json", rehearsal=False)
    document.record("facts/driver", "ok", result={"card": "NVIDIA A10G"})
    first = json.loads((tmp_path / "found.json").read_text())
    assert (first["schemaVersion"], first["card"]) == (SCHEMA_VERSION, "NVIDIA A10G")
    assert first["versions"]["trl"]
    document.record("facts/context", "failed", error="no")
    assert len(read(tmp_path / "found.json")["cells"]) == 2


def test_a_document_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"schemaVersion": 0}))
    with pytest.raises(ValueError, match="schemaVersion 0"):
        read(tmp_path / "old.json")


def test_cells_have_different_names_and_the_same_in_a_rehearsal() -> None:
    keys = [cell.key for cell in measurements(rehearsal=False)]
    assert len(keys) == len(set(keys))
    assert keys == [cell.key for cell in measurements(rehearsal=True)]
    sections = list(dict.fromkeys(key.partition("/")[0] for key in keys))
    assert sections == [
        "facts", "truth", "job", "fsdp", "matmul", "grid", "ablation", "out-of-memory",
    ]  # fmt: skip
