"""How long a run is waited for."""

from __future__ import annotations

import pytest

from .environment import stall_limit
from .environment.stall_limit import MAX_CHANGES, ConvergenceTimeout, StallLimit
from .invariants.history import History

pytestmark = pytest.mark.faults
JOB = {"metadata": {"name": "job", "uid": "1"}}


class Clock:
    """Takes the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stall_limit, "time", clock)
    monkeypatch.setattr("tests.faults.invariants.history.time", clock)
    return clock


def test_a_run_in_which_nothing_changes_is_given_up(clock: Clock) -> None:
    limit = StallLimit(History(), 60)
    clock.now += 60
    limit.check("it ends")
    clock.now += 0.1
    with pytest.raises(ConvergenceTimeout, match="it ends: nothing changed for 60 s"):
        limit.check("it ends")


def test_a_slow_run_that_goes_on_is_waited_for(clock: Clock) -> None:
    history = History()
    limit = StallLimit(history, 60)
    for _ in range(10):
        clock.now += 59
        history.observe("dpojobs", "MODIFIED", JOB)
        limit.check("it ends")


def test_changes_without_end_are_given_up(clock: Clock) -> None:
    history = History()
    history.observe("dpojobs", "ADDED", JOB)
    limit = StallLimit(history, 60)
    for _ in range(MAX_CHANGES):
        history.observe("dpojobs", "MODIFIED", JOB)
        limit.check("it ends")
    history.observe("dpojobs", "MODIFIED", JOB)
    with pytest.raises(ConvergenceTimeout, match="not after 401 changes"):
        limit.check("it ends")
