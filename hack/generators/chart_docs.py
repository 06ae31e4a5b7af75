#!/usr/bin/env -S python3
"""Writes the chart's README from the comments of its values. With --check, fails when it is stale."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml
from generated_files import ROOT, write_or_check

VALUES = ROOT / "charts/dpojob/values.yaml"
README = ROOT / "charts/dpojob/README.md"
HEAD = """# The chart of the DPOJob operator

<!-- Generated from values.yaml by `make generate`. Do not edit. -->

<!-- not run: needs images in a registry; the end-to-end tests install the chart with images of their own -->
```console
helm upgrade --install dpojob charts/dpojob --namespace dpojob-system --create-namespace --wait
```

`--wait` lets the first installation create the pools only when the API server serves their kind.
`helm upgrade` upgrades the CRDs too; `helm uninstall` leaves them, and with them all DPOJobs (`crds.keep`). Where
CRDs exist that no Helm release owns, such as those of a chart from before `crds.enabled` or of `kubectl apply`, add
`--take-ownership` (Helm 3.17 or newer) once.

`values.schema.json` refuses unknown values and wrong types. `helm test dpojob -n dpojob-system` asks the operator
whether it is ready.

| value | default | meaning |
|---|---|---|
"""
KEY = re.compile(r"^( *)([A-Za-z]+):(?: (.*))?$")


def rows(text: str) -> Iterator[tuple[str, Any, str]]:
    """The path, the default and the meaning of each value, in the order of the file."""
    values = yaml.safe_load(text)
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines()[1:]:
        stripped = line.strip()
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            continue
        match = KEY.match(line)
        if match is None:
            comment = []
            continue
        depth = len(match[1]) // 2
        path = [*path[:depth], match[2]]
        value = values
        for part in path:
            value = value[part]
        block = match[3] is None and isinstance(value, dict) and depth + 1 < 3
        # Requests and limits are one value; other blocks have a row for each value in them.
        if match[2] in ("requests", "limits"):
            continue
        if not block or match[2] == "resources":
            yield ".".join(path), value, " ".join(comment)
        elif comment:
            yield ".".join(path), None, " ".join(comment)
        comment = []


def readme() -> str:
    """The text of the README."""
    lines = []
    for path, default, meaning in rows(VALUES.read_text(encoding="utf-8")):
        shown = (
            "" if default is None and not path.startswith("pools") else f"`{json.dumps(default)}`"
        )
        lines.append(f"| `{path}` | {shown} | {meaning.replace('|', chr(92) + '|')} |")
    return HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Writes or checks; the exit status."""
    return write_or_check({README: readme()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
