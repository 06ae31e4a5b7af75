"""Libraries are imported without optional packages and without garbage collections, which both come back."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from importlib import import_module
from unittest.mock import patch

import pytest

from dpojob_trainer.training.launch import library_imports
from dpojob_trainer.training.launch.library_imports import quick_imports

PACKAGE = "wave"
"""A module of the standard library that nothing here has imported."""


@pytest.fixture(autouse=True)
def not_needed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(library_imports, "NOT_NEEDED", (PACKAGE,))
    with patch.dict(sys.modules):
        sys.modules.pop(PACKAGE, None)
        yield


def test_an_optional_package_is_missing_inside_the_block_only() -> None:
    with quick_imports(), pytest.raises(ModuleNotFoundError):
        import_module(PACKAGE)
    assert import_module(PACKAGE).__name__ == PACKAGE


def test_a_package_that_is_imported_already_stays() -> None:
    imported = import_module(PACKAGE)
    with quick_imports():
        assert import_module(PACKAGE) is imported
    assert sys.modules[PACKAGE] is imported


def test_garbage_is_collected_again_after_the_block_also_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), quick_imports():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    assert PACKAGE not in sys.modules


def test_a_process_without_collections_keeps_them_off() -> None:
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_only_a_block_that_imports_takes_objects_out_of_later_collections() -> None:
    gc.unfreeze()  # Objects that an earlier test took out may end meanwhile.
    with quick_imports():
        pass
    assert gc.get_freeze_count() == 0
    try:
        with quick_imports():
            import_module("xmlrpc.server")
            assert gc.get_freeze_count() == 0
        assert gc.get_freeze_count() > 0
    finally:
        sys.modules.pop("xmlrpc.server", None)
        gc.unfreeze()
