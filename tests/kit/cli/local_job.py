"""A job whose model and dataset lie in a directory of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.kit.inspection.volume_fixture import write_rows

WriteManifest = Callable[[str], Path]
"""Writes a manifest to a file."""


def job(model: Mapping[str, Any], dataset: Mapping[str, Any], **spec: Any) -> str:
    """A DPOJob as YAML."""
    return yaml.safe_dump(
        {
            "apiVersion": "dpojob.dev/v1alpha1",
            "kind": "DPOJob",
            "metadata": {"name": "tried"},
            "spec": {"model": dict(model), "dataset": dict(dataset), **spec},
        }
    )


def pairs(count: int) -> list[dict[str, Any]]:
    """Rows with nothing wrong."""
    rows = range(count)
    return [{"prompt": f"p{n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in rows]


@dataclass(frozen=True)
class ClaimDirectory:
    """A directory that stands in for the claim "data", with the model at model/."""

    directory: Path
    option: str
    model: Mapping[str, Any]
    dataset: Mapping[str, Any]

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The rows of the dataset."""
        write_rows(self.directory / "train.jsonl", rows)
