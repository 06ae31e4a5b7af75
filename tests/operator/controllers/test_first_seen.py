"""First sights by job, on a clock that steps."""

from __future__ import annotations

from datetime import timedelta

from tests.kit.builders import NOW, FixedClock

from dpojob_operator.controllers.dpojob.first_seen import FirstSights
from dpojob_operator.decide import FirstSight

KEY = ("ns", "x")


class MovingClock(FixedClock):
    """A clock whose time of day may step."""

    passed, stepped = 0.0, 0.0

    def now(self):
        return NOW + timedelta(seconds=self.passed + self.stepped)

    def monotonic(self):
        return self.passed


def test_time_counts_from_the_first_sight_whatever_the_time_of_day_is() -> None:
    clock = MovingClock()
    sights = FirstSights(clock)
    assert sights.get(KEY, "u") == {}
    sights.record(KEY, "u", {"a"})
    clock.passed, clock.stepped = 5.0, 3600.0
    sights.record(KEY, "u", {"a", "b"})
    clock.passed = 7.0
    later = NOW + timedelta(seconds=3605)
    assert sights.get(KEY, "u") == {"a": FirstSight(NOW, 7.0), "b": FirstSight(later, 2.0)}


def test_a_sight_that_was_not_seen_again_begins_again() -> None:
    clock = MovingClock()
    sights = FirstSights(clock)
    for timed in ({"a"}, set(), {"a"}):
        sights.record(KEY, "u", timed)
        clock.passed += 5.0
    assert sights.get(KEY, "u")["a"].seconds == 5.0


class StoppedClock(MovingClock):
    """A clock of a process that is stopped for an hour when it has read the time of day."""

    def now(self):
        read = super().now()
        if not self.passed:
            self.passed = 3600.0
        return read


def test_both_clocks_are_read_at_the_same_moment() -> None:
    clock = StoppedClock()
    sights = FirstSights(clock)
    sights.record(KEY, "u", {"a"})
    assert sights.get(KEY, "u") == {"a": FirstSight(NOW + timedelta(hours=1), 0.0)}


def test_another_job_of_the_same_name_has_no_first_sights() -> None:
    sights = FirstSights(FixedClock())
    sights.record(KEY, "u", {"a"})
    assert sights.get(KEY, "other") == {}
    sights.record(KEY, "other", {"b"})
    assert set(sights.get(KEY, "other")) == {"b"}
    sights.remove(KEY)
    assert sights.get(KEY, "other") == {}
