"""The YAML blocks of the documentation: whole manifests, parts of one, or the reason why a block is not checked."""

from __future__ import annotations

import copy
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PART = re.compile(r"part of a (DPOJob|GPUPool)")
"""Marks a block that holds a part of a manifest: its fields belong at the top, or into the spec."""
NOT_CHECKED = "not checked: "
"""Begins the mark of a block of another API's kind, and is followed by the reason."""
BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*) -->\n)?(?P<indent> *)```yaml\n(?P<body>.*?)(?P=indent)```", re.DOTALL
)
TOP = {"apiVersion", "kind", "metadata", "spec"}
LEAST: dict[str, dict[str, Any]] = {
    "DPOJob": {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}},
    "GPUPool": {
        "modelSize": {"min": "0"},
        "gpu": {"model": "T4", "memoryGiB": 16},
        "nodeSelector": {"pool": "t4"},
    },
}
"""A spec of each kind with as little as may be."""


@dataclass(frozen=True)
class ManifestBlock:
    """One YAML block."""

    mark: str | None
    """The comment above it: PART, NOT_CHECKED with a reason, or None for whole manifests of our own kinds."""
    documents: tuple[Any, ...]
    """As parsed."""

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """The documents as whole manifests."""
        part = PART.fullmatch(self.mark or "")
        return [_completed(part[1], each) for each in self.documents] if part else [*self.documents]


def manifest_blocks(page: Path) -> list[ManifestBlock]:
    """The YAML blocks of a page, in order."""
    return [
        ManifestBlock(match["mark"], tuple(yaml.safe_load_all(textwrap.dedent(match["body"]))))
        for match in BLOCK.finditer(page.read_text())
    ]


def _completed(kind: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """The least manifest of a kind with the fields of a part."""
    whole: dict[str, Any] = {
        "apiVersion": "dpojob.dev/v1alpha1", "kind": kind, "metadata": {"name": "example"},
        "spec": copy.deepcopy(LEAST[kind]),
    }  # fmt: skip
    _merge(whole, part if TOP.issuperset(part) else {"spec": part})
    return whole


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
