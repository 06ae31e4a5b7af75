#!/usr/bin/env python3
"""Measure one card in at most 8 minutes, offline: `bench/gpu/run.py [--output FILE] [--wheels DIR] [--rehearse]`.

The result is one JSON document, written again after every cell; `bench/gpu/apply.py` puts its figures into the
planner. Run it with the Python of the training image, or with one that has torch, and the other packages as
wheels in DIR. docs/gpu.md has the commands.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SOURCES = {
    "dpojob_api": "api/src",
    "dpojob_planner": "planner/src",
    "dpojob_trainer": "trainer-image/src",
}
REHEARSAL_PATIENCE = 10.0
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def main() -> int:
    """The exit status: 0 where every cell was measured."""
    parser = argparse.ArgumentParser(description="Measure one card in at most 8 minutes, offline.")
    parser.add_argument("--output", type=Path, default=Path("gpu-bench.json"))
    parser.add_argument("--wheels", type=Path, help="directory of wheels to use beside torch")
    parser.add_argument("--rehearse", action="store_true", help="tiny shapes on the CPU")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gpu-bench-") as scratch:
        os.environ.update(environment(Path(scratch), arguments.wheels, arguments.rehearse))
        sys.path += [path for path in os.environ["PYTHONPATH"].split(os.pathsep) if path]
        return measure(Path(scratch), arguments.output, arguments.rehearse)


def environment(scratch: Path, wheels: Path | None, rehearse: bool) -> dict[str, str]:
    """The variables of the workers: their packages, no network, their caches."""
    paths = [str(ROOT)]
    if wheels is not None:
        target = scratch / "packages"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        subprocess.run(
            [*command, "--target", str(target), *map(str, sorted(wheels.glob("*.whl")))], check=True
        )
        paths.append(str(target))
    # In the training image our own packages are installed, all but the planner.
    paths += [
        str(ROOT / source)
        for package, source in SOURCES.items()
        if importlib.util.find_spec(package) is None
    ]
    found = {
        **OFFLINE,
        "PYTHONPATH": os.pathsep.join(paths),
        "HOME": str(scratch),
        "HF_HOME": str(scratch / "huggingface"),
        "TMPDIR": str(scratch),
        "TRITON_CACHE_DIR": str(scratch / "triton"),
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
    }
    if rehearse:
        # The forked trainer cannot use the threads of the process that it is a copy of.
        found |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return found


def measure(scratch: Path, output: Path, rehearse: bool) -> int:
    """Measure every cell, then fit."""
    from bench.gpu.document import Document
    from bench.gpu.fit import fit
    from bench.gpu.registry import measurements
    from bench.gpu.supervisor import Supervisor

    document = Document(output, rehearse)
    cells = list(measurements(rehearse))
    mode = "rehearsal" if rehearse else "card"
    log = output.with_suffix(".log")
    # A rehearsal is about the cells and not about time: the machine may be busy.
    patience = REHEARSAL_PATIENCE if rehearse else 1.0
    worker = [sys.executable, "-m", "bench.gpu.worker", str(scratch), mode]
    Supervisor(document, log, worker, patience).run(cells)
    document.fit = fit(document.cells)
    document.write()
    missing = [cell for cell in document.cells if cell["status"] != "ok"]
    for cell in missing:
        print(f"not measured: {cell['cell']} ({cell['status']}): {cell['error'].splitlines()[0]}")
    print(f"{output}: {len(cells) - len(missing)} of {len(cells)} cells measured")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
