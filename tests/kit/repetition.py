"""A pytest plugin that runs every test several times in one process: `hack/testing/repeat` asks for it."""

from __future__ import annotations

import os

import pytest

VARIABLE = "DPOJOB_TEST_REPETITIONS"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives every test a parameter that only counts."""
    metafunc.fixturenames.append("repetition")
    metafunc.parametrize("repetition", range(int(os.environ[VARIABLE])))
