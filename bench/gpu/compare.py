#!/usr/bin/env python3
"""Predicted against measured, cell by cell: `bench/gpu/compare.py JSON [--kind NAME]`.

The predictions are the planner's, with the figures of calibration.json as it is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.gpu.document import read  # noqa: E402
from bench.gpu.fit import passes_of, settings_of, shape_of  # noqa: E402

from dpojob_api.pool import GPU  # noqa: E402
from dpojob_planner.estimates import estimate_memory, sustained_flops  # noqa: E402
from dpojob_planner.estimates.gpu import pass_seconds  # noqa: E402


def main() -> int:
    """Print one line for each cell of the grid, and of the other cells their status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("--kind", help="kind of GPU, where the card's name does not say it")
    arguments = parser.parse_args()
    document = read(arguments.document)
    gpu = GPU(model=(arguments.kind or document["card"] or "unknown")[:63], memory_gib=1)
    print(f"{document['card']}, {document['date']}: {sustained_flops(gpu) / 1e12:.4g} TFLOP/s")
    print(f"{'cell':58}{'time, s':>20}{'error':>8}{'memory, GiB':>18}{'error':>8}")
    print(f"{'':58}{'predicted measured':>20}{'':8}{'predicted used':>18}")
    time_errors, memory_errors = [], []
    for cell in document["cells"]:
        if not cell["cell"].startswith("grid/") or cell["status"] != "ok":
            print(f"{cell['cell']:58}{cell['status']:>20}")
            continue
        seconds, memory = predictions(cell["result"], sustained_flops(gpu))
        measured = cell["result"]["stepSeconds"]
        time_errors.append(seconds / measured - 1)
        line = f"{cell['cell']:58}{seconds:10.4f}{measured:10.4f}{time_errors[-1]:+8.0%}"
        used = cell["result"]["reservedPeakGiB"] + cell["result"]["contextGiB"]
        if used:
            memory_errors.append(memory / used - 1)
            line += f"{memory:10.2f}{used:8.2f}{memory_errors[-1]:+8.0%}"
        print(line)
    for name, errors in (("time", time_errors), ("memory", memory_errors)):
        if errors:
            print(
                f"{name}: lowest error {min(errors):+.0%}, median distance "
                f"{statistics.median(map(abs, errors)):.0%}, highest {max(errors):+.0%}"
            )
        else:
            print(f"{name}: nothing to compare")
    return 0


def predictions(result: dict[str, Any], flops: float) -> tuple[float, float]:
    """Seconds of a cell's step, and GiB of its peak."""
    shape, settings = shape_of(result), settings_of(result)
    each = pass_seconds(shape, settings.method, settings.tokens, settings.length, flops)
    return passes_of(result) * each, estimate_memory(shape, settings).total_gib


if __name__ == "__main__":
    sys.exit(main())
