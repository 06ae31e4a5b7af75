"""The days, weeks and months of CostQuotas, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dpojob_api.cost_quota import Period


def period_start(period: Period, now: datetime) -> datetime:
    """Find the beginning of the period that goes on.

    Args:
        period: Its length.
        now: Any time, with its time zone.

    Returns:
        Midnight in UTC of the day, of the week's Monday, or of the month's first day.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "Week":
        return midnight - timedelta(days=midnight.weekday())
    return midnight.replace(day=1) if period == "Month" else midnight


def period_end(period: Period, now: datetime) -> datetime:
    """Find the end of the period that goes on, which is the beginning of the next one.

    Args:
        period: Its length.
        now: Any time, with its time zone.

    Returns:
        Midnight in UTC.
    """
    start = period_start(period, now)
    longest = {"Day": timedelta(days=1), "Week": timedelta(weeks=1), "Month": timedelta(days=31)}
    return period_start(period, start + longest[period])
