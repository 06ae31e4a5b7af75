"""When a job's decisions first saw something, on a clock that steps."""

from __future__ import annotations

from datetime import timedelta

from tests.kit.builders import NOW, FixedClock

from dpojob_operator.controllers.dpojob.first_seen import FirstSeenTimes
from dpojob_operator.decide import FirstSeen

KEY = ("ns", "x")


class MovingClock(FixedClock):
    """A clock whose time of day may step."""

    passed, stepped = 0.0, 0.0

    def now(self):
        return NOW + timedelta(seconds=self.passed + self.stepped)

    def monotonic(self):
        return self.passed


def test_time_counts_since_it_was_first_seen_whatever_the_time_of_day_is() -> None:
    clock = MovingClock()
    seen = FirstSeenTimes(clock)
    assert seen.get(KEY, "u") == {}
    seen.record(KEY, "u", {"a"})
    clock.passed, clock.stepped = 5.0, 3600.0
    seen.record(KEY, "u", {"a", "b"})
    clock.passed = 7.0
    later = NOW + timedelta(seconds=3605)
    assert seen.get(KEY, "u") == {"a": FirstSeen(NOW, 7.0), "b": FirstSeen(later, 2.0)}


def test_what_was_not_seen_in_between_is_first_seen_again() -> None:
    clock = MovingClock()
    seen = FirstSeenTimes(clock)
    for timed in ({"a"}, set(), {"a"}):
        seen.record(KEY, "u", timed)
        clock.passed += 5.0
    assert seen.get(KEY, "u")["a"].seconds == 5.0


class StoppedClock(MovingClock):
    """A clock of a process that is stopped for an hour when it has read the time of day."""

    def now(self):
        read = super().now()
        if not self.passed:
            self.passed = 3600.0
        return read


def test_both_clocks_are_read_at_the_same_moment() -> None:
    clock = StoppedClock()
    seen = FirstSeenTimes(clock)
    seen.record(KEY, "u", {"a"})
    assert seen.get(KEY, "u") == {"a": FirstSeen(NOW + timedelta(hours=1), 0.0)}


def test_of_another_job_of_the_same_name_nothing_was_seen() -> None:
    seen = FirstSeenTimes(FixedClock())
    seen.record(KEY, "u", {"a"})
    assert seen.get(KEY, "other") == {}
    seen.record(KEY, "other", {"b"})
    assert set(seen.get(KEY, "other")) == {"b"}
    seen.remove(KEY)
    assert seen.get(KEY, "other") == {}
