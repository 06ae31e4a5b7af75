"""The benchmark's result: one JSON document, written again after every cell."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

SCHEMA_VERSION = 1
PACKAGES = ("torch", "triton", "trl", "transformers", "peft", "accelerate", "bitsandbytes")
Status = Literal["ok", "failed", "timedOut", "leftOut"]


@dataclass
class Document:
    """The cells that are done so far."""

    path: Path
    rehearsal: bool
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    cells: list[dict[str, Any]] = field(default_factory=list)
    fit: dict[str, Any] = field(default_factory=dict)

    def record(
        self,
        key: str,
        status: Status,
        *,
        seconds: float = 0.0,
        result: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Add a cell and write the document."""
        cell: dict[str, Any] = {"cell": key, "status": status, "seconds": round(seconds, 2)}
        if result is not None:
            cell["result"] = result
        if error is not None:
            cell["error"] = error
        self.cells.append(cell)
        self.write()

    def write(self) -> None:
        """Replace the file by the present state, so that no end of the process loses a cell."""
        document = {
            "schemaVersion": SCHEMA_VERSION,
            "rehearsal": self.rehearsal,
            "date": self.started.date().isoformat(),
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.started).total_seconds(), 1),
            "card": card(self.cells),
            "versions": versions(),
            "cells": self.cells,
            "fit": self.fit,
        }
        part = self.path.with_name(f"{self.path.name}.part")
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)


def card(cells: list[dict[str, Any]]) -> str | None:
    """The card's name, from the first cell of the facts; None where that cell failed."""
    for cell in cells:
        if cell["cell"] == "facts/driver" and cell["status"] == "ok":
            return str(cell["result"]["card"])
    return None


def versions() -> dict[str, str]:
    """The installed packages that a figure depends on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read(path: Path) -> dict[str, Any]:
    """A document of this version. Raises ValueError for any other."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schemaVersion") != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has schemaVersion {document.get('schemaVersion')}; this is {SCHEMA_VERSION}"
        )
    return document
