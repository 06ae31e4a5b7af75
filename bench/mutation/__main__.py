"""Mutates `decide` and the planner, and lists the mutants that no unit test kills, in docs/mutation.md.

Usage: `python -m bench.mutation [--mutants 200] [--seed 1] [--package decide] [--only TEXT]`. The command
fails when fewer than 90% are killed, or when a survivor has no reason in `survivors.yaml`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .fork_runner import SURVIVED, MutatedPackage, run_mutants
from .mutants import sample
from .report import Result, page, read_reasons, unexplained

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    MutatedPackage(
        "decide",
        "dpojob_operator.decide",
        Path("operator/src/dpojob_operator/decide"),
        Path("tests/operator/decide"),
    ),
    MutatedPackage(
        "planner", "dpojob_planner", Path("planner/src/dpojob_planner"), Path("tests/planner")
    ),
)
WANTED_SHARE = 0.9
PAGE = ROOT / "docs/mutation.md"


def run_package(package: MutatedPackage, size: int, seed: int, only: str) -> Result:
    """Runs the sampled mutants of one package, and prints each survivor."""
    modules = sorted(path.relative_to(ROOT) for path in (ROOT / package.sources).rglob("*.py"))
    mutants = [mutant for mutant in sample(ROOT, modules, size, seed) if only in mutant.key]
    print(f"{package.name}: {len(mutants)} mutants", flush=True)
    result = Result(package.name, len(mutants))
    for number, (mutant, outcome) in enumerate(run_mutants(ROOT, package, mutants), 1):
        if outcome == SURVIVED:
            result.survivors.append(mutant)
            print(f"survived: {mutant.key}", flush=True)
        if number % 20 == 0:
            print(f"{package.name}: {number} of {len(mutants)} run", flush=True)
    print(f"{package.name}: {result.killed} of {result.mutants} mutants killed", flush=True)
    return result


def main() -> int:
    """Runs the packages, and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__)
    parser.add_argument("--mutants", type=int, default=200, help="of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--package", choices=[package.name for package in PACKAGES])
    parser.add_argument("--only", default="", help="run the sampled mutants with this text only")
    options = parser.parse_args()
    packages = [package for package in PACKAGES if options.package in (None, package.name)]
    results = [
        run_package(package, options.mutants, options.seed, options.only) for package in packages
    ]
    reasons = read_reasons()
    missing = unexplained(results, reasons)
    for key in missing:
        print(f"no reason in survivors.yaml: {key}")
    few = [result for result in results if result.killed < WANTED_SHARE * result.mutants]
    for result in few:
        print(f"{result.package}: fewer than {WANTED_SHARE:.0%} of the mutants are killed")
    if options.package is None and not options.only:
        PAGE.write_text(page(results, reasons, options.mutants, options.seed))
    return 1 if missing or few else 0


if __name__ == "__main__":
    sys.exit(main())
