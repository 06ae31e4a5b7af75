"""The garbage collector leaves alone what the process starts with, and still frees later cycles."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from dpojob_operator.process.garbage_collection import YOUNG_OBJECTS, collect_seldom


class Node:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_exists_is_left_out_and_collections_are_rare() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == YOUNG_OBJECTS


def test_cycles_before_and_after_are_freed() -> None:
    before = weakref.ref(Node())
    collect_seldom()
    after = weakref.ref(Node())
    kept = [Node() for _ in range(2 * YOUNG_OBJECTS)]
    assert before() is None and after() is None
    assert kept
