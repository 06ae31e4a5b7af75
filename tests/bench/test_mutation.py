"""The mutants of a module, the fixed sample, and how a mutant takes the place of a function."""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest
from bench.mutation.mutants import Mutant, sample
from bench.mutation.patching import MutantFinder, clear_caches, replace_function, top_level

SOURCE = """
from __future__ import annotations

LIMIT = 3


class Counter:
    def __init__(self, start: int | None) -> None:
        self.seen: list[int] = []
        self.value = start or 0

    @property
    def full(self) -> bool:
        return self.value >= LIMIT

    def add(self, by: int) -> None:
        self.seen.append(by)
        self.value = self.value + by
"""


def mutants(tmp_path: Path, source: str = SOURCE, size: int = 100) -> list[Mutant]:
    (tmp_path / "counter.py").write_text(source)
    return sample(tmp_path, [Path("counter.py")], size, seed=1)


def changes(found: list[Mutant]) -> dict[str, str]:
    return {mutant.old: mutant.new for mutant in found}


def test_every_place_is_changed_once_and_annotations_never(tmp_path: Path) -> None:
    found = mutants(tmp_path)
    assert len({(mutant.old, mutant.number) for mutant in found}) == len(found)
    changed = changes(found)
    assert "pass" in (changed["self.seen.append(by)"], changed["self.value = self.value + by"])
    assert not any("&" in new or "int" in new for new in changed.values())
    assert {mutant.function for mutant in found if mutant.old == "LIMIT = 3"} == {""}
    assert {mutant.function for mutant in found if "append" in mutant.old} == {"Counter.add"}


def test_the_sample_is_the_same_after_a_change_elsewhere(tmp_path: Path) -> None:
    before = mutants(tmp_path)
    after = mutants(tmp_path, SOURCE + "\n\ndef other(a: int) -> int:\n    return a * 2\n")
    assert [m.key for m in after if m.definition != "other"] == [m.key for m in before]
    assert [m.key for m in mutants(tmp_path, size=3)] == [m.key for m in before[:3]]


@pytest.fixture
def counter(tmp_path: Path) -> ModuleType:
    path = tmp_path / "counter.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("counter", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_method_and_a_property_get_the_code_of_the_mutant(counter: ModuleType) -> None:
    kept = counter.Counter(3)
    assert kept.full
    replace_function(counter, "Counter.full", SOURCE.replace(">= LIMIT", "> LIMIT"))
    assert not kept.full
    replace_function(counter, "Counter.add", SOURCE.replace("self.seen.append(by)", "pass"))
    kept.add(1)
    assert (kept.seen, kept.value, kept.full) == ([], 4, True)
    assert top_level("Counter.add.<locals>.<listcomp>") == "Counter.add"


def test_a_module_is_imported_from_the_mutants_source(tmp_path: Path) -> None:
    finder = MutantFinder("counter", tmp_path / "counter.py", SOURCE.replace("= 3", "= 4"))
    assert finder.find_spec("another") is None
    spec = finder.find_spec("counter")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.LIMIT == 4


def test_a_mutant_is_asked_again_for_what_was_kept(counter: ModuleType) -> None:
    counter.kept = lru_cache(lambda: counter.LIMIT)
    sys.modules["counter"] = counter
    try:
        assert counter.kept() == 3
        counter.LIMIT = 4
        clear_caches("counter")
        assert counter.kept() == 4
    finally:
        del sys.modules["counter"]
