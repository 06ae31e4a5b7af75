"""The values of the chart that its documentation tells people to give, each with where it says so.

They are the `helm` commands of README, docs/ and examples/, values in running text such as `crds.enabled=false`, switches
that a page names, and the examples in the table of the chart's README.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from tests.kit.cluster.helm import CHART
from tests.kit.repository import ROOT

ROW = re.compile(r"^\| `([\w.]+)` \| `(.*)` \| (.*) \|$", re.MULTILINE)
"""A row of the chart's README: a value, its default as JSON, its meaning."""
EXAMPLE = re.compile(r"\{[^{}]+\}|\[[^\[\]]+\]")
"""A mapping or a list in the meaning of a value."""
GIVEN = re.compile(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)(?:=|: )([^`]+)`")
NAMED = re.compile(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)`")
COMMAND = re.compile(r"helm upgrade --install(?:\\\n|[^\n`])*")
WRITES_IMAGES = "hack/images.py values > images.yaml"
"""What a page has its reader run before a command with `--values images.yaml`."""


def combinations(directory: Path) -> dict[str, list[str]]:
    """Arguments of `helm`, by what the documentation says and where; files that a page has written are in `directory`."""
    found: dict[str, list[str]] = {}
    for page in _pages():
        text = page.read_text()
        where = str(page.relative_to(ROOT))
        for command in COMMAND.findall(text):
            found[f"{where}: {command}"] = _arguments(command, text, directory)
        found |= {f"{where}: {path}": value for path, value in _values(text)}
    return found | {f"charts/dpojob/README.md: {path}": value for path, value in _examples()}


def defaults() -> dict[str, Any]:
    """The default of each value that the chart's README documents."""
    return {path: json.loads(default) for path, default, _ in _rows()}


def _pages() -> list[Path]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), CHART / "README.md"]
    return [*pages, *sorted((ROOT / "examples").rglob("*.yaml")), CHART / "templates/NOTES.txt"]


def _rows() -> list[tuple[str, str, str]]:
    return ROW.findall((CHART / "README.md").read_text())


def _set(path: str, value: Any) -> list[str]:
    return ["--set-json", f"{path}={json.dumps(value)}"]


def _examples() -> Iterator[tuple[str, list[str]]]:
    """What the meaning of a value gives as an example of it."""
    for path, default, meaning in _rows():
        for text in EXAMPLE.findall(meaning):
            example = yaml.safe_load(text)
            if type(example) is type(json.loads(default)):
                yield f"{path}, such as {text}", _set(path, example)


def _values(text: str) -> Iterator[tuple[str, list[str]]]:
    """Values that a page gives, and the switches that it names."""
    documented = defaults()
    for path, value in GIVEN.findall(text):
        if path in documented:
            yield f"{path}={value}", _set(path, yaml.safe_load(value))
    for path in NAMED.findall(text):
        if isinstance(documented.get(path), bool):
            yield path, _set(path, not documented[path])


def _arguments(command: str, text: str, directory: Path) -> list[str]:
    """The values in a command; an ellipsis stands for a text of the reader's."""
    words = shlex.split(command.replace("\\\n", " ").replace("…", "mine").partition(" | ")[0])
    found = []
    for option, value in pairwise(words):
        if option in ("--set", "--set-json"):
            found += [option, value]
        elif option == "--values":
            found += [option, str(_file(value, text, directory))]
    return found


def _file(name: str, text: str, directory: Path) -> Path:
    if (ROOT / name).exists():
        return ROOT / name
    assert name == "images.yaml" and WRITES_IMAGES in text, name
    script = [sys.executable, str(ROOT / "hack/images.py"), "values"]
    written = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    (directory / name).write_text(written)
    return directory / name
