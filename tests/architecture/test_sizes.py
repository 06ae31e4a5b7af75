"""Modules and folders stay small enough to be read at one sitting."""

from collections import Counter
from pathlib import Path

from tests.kit.repository import ROOT, members

LINES = 300
MODULES = 13
"""The most modules of a folder besides `__init__.py`."""

SCRIPTS = ("tests", "bench", "hack", "examples")
"""Folders beside the members."""


def modules() -> list[Path]:
    """Every Python file of the members and of the folders beside them."""
    scripts = [path for folder in SCRIPTS for path in (ROOT / folder).rglob("*.py")]
    return [*(module for member in members() for module in member.modules()), *scripts]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_module_is_longer_than_300_lines() -> None:
    lines = {relative(module): len(module.read_text().splitlines()) for module in modules()}
    assert {name: count for name, count in lines.items() if count > LINES} == {}


def test_no_folder_holds_more_than_13_modules() -> None:
    folders = Counter(
        relative(module.parent) for module in modules() if module.name != "__init__.py"
    )
    larger = {f: n for f, n in folders.items() if n > MODULES}
    assert larger == {}
