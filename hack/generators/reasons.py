#!/usr/bin/env python3
"""Writes docs/reasons.md from the docstrings of the reasons in api/, the operator's advice and docs/reference/remedies.yaml.

`--check`: fails when the page is stale.
"""

import ast
import sys

import yaml
from generated_files import ROOT, write_or_check

from dpojob_operator.decide.summary import ADVICE

SOURCE = ROOT / "api/src/dpojob_api/conditions.py"
REMEDIES = ROOT / "docs/reference/remedies.yaml"
TARGET = ROOT / "docs/reasons.md"
HEAD = """# Reasons

<!-- Generated from api/ by `make generate`. Do not edit. -->

Every reason that a condition or an Event of a DPOJob, a GPUPool or a CostQuota may carry, when it does, and what to do.

| reason | when | what to do |
|---|---|---|
"""


def rows() -> list[str]:
    """One table row per member of Reason; each must have its docstring and its remedy, which may be empty."""
    remedies = yaml.safe_load(REMEDIES.read_text())
    if twice := [str(reason) for reason in ADVICE if reason in remedies]:
        sys.exit(f"{REMEDIES}: the operator's advice already has {', '.join(twice)}")
    remedies |= {str(reason): sentence for reason, sentence in ADVICE.items()}
    tree = ast.parse(SOURCE.read_text())
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Reason").body
    found = []
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign):
            continue
        reason = ast.literal_eval(node.value)
        if not (
            isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(text := following.value.value, str)
        ):
            sys.exit(f"{SOURCE}:{node.lineno}: this reason has no line that says when it is given")
        if reason not in remedies:
            sys.exit(f"{REMEDIES}: {reason} has no line that says what to do about it")
        found.append(f"| `{reason}` | {' '.join(text.split())} | {remedies.pop(reason)} |")
    if remedies:
        sys.exit(f"{REMEDIES}: no such reason: {', '.join(remedies)}")
    return found


def main(arguments: list[str]) -> int:
    """Writes or checks; the exit status."""
    return write_or_check({TARGET: HEAD + "\n".join(rows()) + "\n"}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
