"""Every module of the benchmarks imports: a name that has moved is found here and not by who needs a figure."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.kit.repository import ROOT

IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, ".")
for path in sys.argv[1:]:
    folder, _, name = path.removesuffix(".py").rpartition("/")
    sys.path.insert(0, folder)  # as Python does for a script
    try:
        importlib.import_module(f"{folder}/{name}".replace("/", "."))
    except Exception as error:
        print(f"{path}: {type(error).__name__}: {error}")
    sys.path.remove(folder)
"""


@pytest.mark.train
def test_every_module_of_the_benchmarks_imports() -> None:
    paths = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "bench").rglob("*.py"))]
    assert len(paths) > 20
    ended = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.returncode) == ("", 0), ended.stderr[-2000:]
