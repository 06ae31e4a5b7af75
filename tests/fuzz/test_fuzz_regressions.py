"""Inputs that once broke a reader, and the seeds of the fuzzers, keep every promise."""

from __future__ import annotations

import pytest

from .target import REGRESSIONS
from .targets import TARGETS

REGRESSION_FILES = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name, target in TARGETS.items()
    for path in target.regressions()
]


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_seeds_of_a_target_keep_its_promise(name: str) -> None:
    assert TARGETS[name].seeds
    for seed in TARGETS[name].seeds:
        assert len(seed) <= TARGETS[name].max_bytes
        TARGETS[name].check(seed)


@pytest.mark.parametrize(("name", "path"), REGRESSION_FILES)
def test_an_input_that_once_broke_a_reader_keeps_its_promise(name, path) -> None:
    TARGETS[name].check(path.read_bytes())


def test_every_folder_of_regressions_belongs_to_a_target() -> None:
    assert {path.name for path in REGRESSIONS.iterdir() if path.is_dir()} <= set(TARGETS)
