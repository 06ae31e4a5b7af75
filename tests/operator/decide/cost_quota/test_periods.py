"""Days, weeks and months begin at midnight in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dpojob_api.cost_quota import Period
from dpojob_operator.decide.cost_quota import period_end, period_start


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("Day", "2026-11-23T12:00", "2026-11-23", "2026-11-24"),
        ("Day", "2026-12-31T23:59", "2026-12-31", "2027-01-01"),
        ("Week", "2026-11-23T00:00", "2026-11-23", "2026-11-30"),
        ("Week", "2026-11-29T23:59", "2026-11-23", "2026-11-30"),
        ("Month", "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
        ("Month", "2028-02-29T00:00", "2028-02-01", "2028-03-01"),
        ("Month", "2026-11-01T00:00", "2026-11-01", "2026-12-01"),
    ],
)
def test_a_period_holds_the_time(period: Period, now: str, start: str, end: str) -> None:
    time = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert period_start(period, time) == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert period_end(period, time) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_the_zone_of_the_time_does_not_matter() -> None:
    east = datetime(2026, 12, 1, 1, 0, tzinfo=timezone(timedelta(hours=3)))
    assert period_start("Month", east) == datetime(2026, 11, 1, tzinfo=UTC)
