"""Runs the cells of a notebook in this process, one after another, as a kernel would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def run_cells(notebook: Path, *, without: str | None = None) -> dict[str, Any]:
    """Executes the code cells of a notebook.

    Args:
        notebook: The file.
        without: Cells with this tag are left out.

    Returns:
        The names that the cells define.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and without not in cell["metadata"].get("tags", []):
            exec(compile("".join(cell["source"]), f"{notebook.name}:{cell['id']}", "exec"), names)
    return names
