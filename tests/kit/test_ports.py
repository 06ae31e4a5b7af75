"""Ports for tests: what one test process may use, no other one does."""

from __future__ import annotations

import itertools
import os

import pytest
from tests.kit import ports


def test_a_reserved_block_is_given_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Numbers that are no ports, so that no test that runs at the same time misses them.
    first = 100_000 * (1 + os.getpid())
    monkeypatch.setattr(ports, "PORTS", range(first, first + 2 * ports.BLOCK))
    monkeypatch.setattr(ports, "_reservations", [])
    one, other = ports._reserved_ports(), ports._reserved_ports()
    assert set(itertools.islice(one, 2 * ports.BLOCK)) == set(ports.PORTS)
    with pytest.raises(StopIteration):
        next(other)
