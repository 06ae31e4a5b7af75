#!/usr/bin/env -S python3
"""Writes the command's copy of the chart's pool catalogue. With --check, fails when it is stale."""

from __future__ import annotations

import json
import sys

import yaml
from generated_files import ROOT, write_or_check

SOURCE = ROOT / "charts/dpojob/pools.yaml"
COPY = ROOT / "cli/src/dpojob/default_pools.json"


def main(arguments: list[str]) -> int:
    """Writes or checks; the exit status."""
    pools = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return write_or_check({COPY: json.dumps(pools, indent=2, ensure_ascii=False) + "\n"}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
