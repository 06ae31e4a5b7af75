"""The page of the survivors, with the reason for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .mutants import Mutant

REASONS = Path(__file__).with_name("survivors.yaml")


@dataclass
class Result:
    """The mutants of one package."""

    package: str
    mutants: int
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """How many mutants made a test fail."""
        return self.mutants - len(self.survivors)


def read_reasons() -> dict[str, str]:
    """Why a mutant survives, by its key."""
    found: dict[str, str] = yaml.safe_load(REASONS.read_text()) or {}
    return found


def unexplained(results: Sequence[Result], reasons: Mapping[str, str]) -> list[str]:
    """The keys of survivors without a reason."""
    return [
        mutant.key for result in results for mutant in result.survivors if mutant.key not in reasons
    ]


def page(results: Sequence[Result], reasons: Mapping[str, str], size: int, seed: int) -> str:
    """The page docs/mutation.md."""
    lines = [
        "# Mutation testing",
        "",
        "Written by `make mutation`; do not edit. The command changes `decide` and the planner in one place at a",
        "time, with the operators of [cosmic-ray](https://cosmic-ray.readthedocs.io) and one that deletes a statement,",
        "and runs the unit tests of that package (`tests/operator/decide`, `tests/planner`), without property tests. A mutant is killed when a",
        f"test fails. Of all mutants a fixed random sample of {size} for each package is run (seed {seed}); one place is",
        "changed once. Changes of annotations, and of `==` to `is`, are left out: no test can see them. At least 90%",
        "must be killed, and each survivor has its reason in `bench/mutation/survivors.yaml`.",
        "",
        "| package | mutants | killed |",
        "|---|---|---|",
    ]
    for result in results:
        share = result.killed / max(1, result.mutants)
        lines.append(f"| {result.package} | {result.mutants} | {result.killed} ({share:.1%}) |")
    for result in results:
        lines += [
            "",
            f"## Survivors in {result.package}",
            "",
            "| where | line | changed to | why no test fails |",
            "|---|---|---|---|",
        ]
        for mutant in sorted(result.survivors, key=lambda mutant: mutant.key):
            where = f"`{mutant.path.name}` `{mutant.definition}`"
            old, new = (text.replace("|", "\\|") for text in (mutant.old, mutant.new))
            why = reasons.get(mutant.key, "not explained")
            lines.append(f"| {where} | `{old}` | `{new}` | {why} |")
    return "\n".join(lines) + "\n"
