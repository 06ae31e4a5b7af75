from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

_PATH = Path(__file__).with_name("support_inspection.py")


def _load() -> ModuleType:
    import sys

    name = "support_inspection"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _PATH)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load()


@pytest.fixture
def bench(tmp_path: Path):
    from support_inspection import Bench

    return Bench(tmp_path)
