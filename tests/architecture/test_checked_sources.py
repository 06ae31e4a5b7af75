"""The linter and the type checker read every Python file of the repository."""

import re
from pathlib import Path

import pytest
from tests.kit.repository import ROOT, tracked_files

TESTS = ROOT / "tests"
COMMANDS = {
    "hack/check": r"^sources=\((.*)\)$",
    ".pre-commit-config.yaml": r"\.venv/bin/mypy ([^']*)'",
}
"""Where mypy is called, and the folders that it is given there."""


def runs_python(path: Path) -> bool:
    with path.open(errors="replace") as file:
        first = file.readline()
    return first.startswith("#!") and "python" in first


def test_every_python_script_has_the_ending_by_which_ruff_and_mypy_find_it() -> None:
    scripts = [path for path in tracked_files() if runs_python(path)]
    assert len(scripts) > 5
    assert [str(path) for path in scripts if path.suffix != ".py"] == []


@pytest.mark.parametrize("file", COMMANDS)
def test_mypy_reads_every_module_but_the_tests(file: str) -> None:
    (folders,) = re.findall(COMMANDS[file], (ROOT / file).read_text(), re.MULTILINE)
    checked = [ROOT / folder for folder in folders.split()]
    modules = [path for path in tracked_files() if path.suffix == ".py"]
    unchecked = [
        str(path)
        for path in modules
        if not any(path.is_relative_to(folder) for folder in [*checked, TESTS])
    ]
    assert len(modules) > 1000 and unchecked == []
