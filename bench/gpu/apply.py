#!/usr/bin/env python3
"""Put the fitted figures of a benchmark into the planner: `bench/gpu/apply.py JSON [--kind NAME]`.

Writes planner/src/dpojob_planner/estimates/calibration.json with the card and the date, then the tables of
docs/plan.md, and prints predicted against measured for every cell. Figures that the benchmark could not
fit keep their value. A rehearsal's figures are refused without --rehearsal, which is for tests on a copy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [str(ROOT / "planner" / "src"), str(ROOT / "api" / "src")]
sys.path[:0] = [str(ROOT), *PACKAGES]

from bench.gpu.document import read  # noqa: E402

from dpojob_planner.estimates.calibration import (  # noqa: E402
    PATH,
    Calibration,
    Constant,
    Measurement,
    Rate,
)
from dpojob_planner.estimates.gpu_kinds import KINDS, kind_name  # noqa: E402

DIGITS = 3
"""Significant digits of a fitted figure; a cell's time varies by more than the fourth."""


def main() -> int:
    """The exit status: 2 where the document cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("--kind", choices=sorted(KINDS), help="kind of GPU, where the card's name does not say it")  # fmt: skip
    parser.add_argument("--rehearsal", action="store_true", help="accept a rehearsal's figures")
    arguments = parser.parse_args()
    document = read(arguments.document)
    if document["rehearsal"] and not arguments.rehearsal:
        print("this is a rehearsal on a CPU: its figures are of no card", file=sys.stderr)
        return 2
    if document["card"] is None:
        print("the document names no card: its cell facts/driver failed", file=sys.stderr)
        return 2
    kind = arguments.kind or kind_name(document["card"])
    old = Calibration.model_validate_json(PATH.read_text(encoding="utf-8"))
    new = calibrated(old, document, kind)
    PATH.write_text(json.dumps(new.wire(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(
        f"{PATH.relative_to(ROOT)}: {len(document['fit']['missing'])} figures could not be fitted"
    )
    for reason in document["fit"]["missing"]:
        print(f"  kept as it was: {reason}")
    if kind is None:
        print(f"  {document['card']} is no kind of gpu_kinds.KINDS: its rate belongs in gpu.teraflops of a GPUPool")  # fmt: skip
    # Both read the new file when they start.
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(PACKAGES)}
    for command in (
        [ROOT / "hack/generators/plan_tables.py"],
        [ROOT / "bench/gpu/compare.py", arguments.document, *(["--kind", kind] if kind else [])],
    ):
        subprocess.run([sys.executable, *map(str, command)], env=variables, check=True)
    return 0


def calibrated(old: Calibration, document: dict[str, Any], kind: str | None) -> Calibration:
    """The old figures, replaced by those that were fitted."""
    fit = document["fit"]
    measured = Measurement(card=document["card"], date=document["date"])
    constants = dict(old.constants)
    for name in constants:
        if fit.get(name) is not None:
            constants[name] = Constant(value=_rounded(fit[name]), measured=measured)
    rates = dict(old.rates)
    if kind is not None and fit["trainingTeraflops"] and fit["matmulTeraflops"]:
        rates[kind] = Rate(
            matmul_teraflops=_rounded(fit["matmulTeraflops"]),
            training_teraflops=_rounded(fit["trainingTeraflops"]),
            measured=measured,
        )
    return Calibration(constants=constants, rates=rates)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


if __name__ == "__main__":
    sys.exit(main())
