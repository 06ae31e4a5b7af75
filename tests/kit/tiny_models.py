"""The demo's tiny model and pairs, for tests: examples/make_demo_data.py under its own roof."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_demo_data", ROOT / "examples" / "make_demo_data.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_demo = _load()
make_model = _demo.make_model
make_pairs = _demo.make_pairs
write_jsonl = _demo.write_jsonl
write_parquet = _demo.write_parquet
