#!/usr/bin/env -S python3
"""Writes the command's copy of the chart's pool catalogue. With --check, fails when it is stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "charts/dpojob/pools.yaml"
COPY = ROOT / "cli/src/dpojob/default_pools.json"


def main(arguments: list[str]) -> int:
    """Writes or checks; the exit status."""
    pools = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    fresh = json.dumps(pools, indent=2, ensure_ascii=False) + "\n"
    if arguments == ["--check"]:
        if not COPY.exists() or COPY.read_text(encoding="utf-8") != fresh:
            print(f"{COPY.relative_to(ROOT)} is stale; run 'make generate'", file=sys.stderr)
            return 1
        return 0
    COPY.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
