"""The API server's time, from the header `Date` of its responses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dpojob_operator.process import ServerClock

T = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def date(seconds: int) -> str:
    return (T + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize(
    ("responses", "at", "expected"),
    [
        pytest.param([(0, 10.0, 10.0)], 10.0, 0.0, id="one response"),
        pytest.param([(0, 10.0, 10.0)], 25.5, 15.5, id="time passes between responses"),
        pytest.param([(0, 10.0, 10.0), (1, 10.2, 10.2)], 10.2, 1.0, id="a second began"),
        pytest.param([(0, 10.0, 10.0), (0, 10.9, 10.9)], 11.0, 1.0, id="cut to whole seconds"),
        pytest.param([(0, 10.0, 13.0)], 13.0, 0.0, id="slow: at least the date"),
        pytest.param([(0, 10.0, 10.0), (5, 11.0, 19.0)], 19.0, 9.0, id="slow: within its bounds"),
        pytest.param([(0, 10.0, 10.0), (21600, 11.0, 11.0)], 11.0, 21600.0, id="a step forward"),
        pytest.param([(21600, 10.0, 10.0), (0, 11.0, 11.0)], 11.0, 1.0, id="a step back"),
    ],
)
def test_the_time_follows_the_responses(
    responses: list[tuple[int, float, float]], at: float, expected: float
) -> None:
    now = [0.0]
    clock = ServerClock(lambda: now[0])
    for server, sent, received in responses:
        clock.observe(date(server), sent, received)
    now[0] = at
    assert (clock.now() - T).total_seconds() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("header", [None, "", "yesterday", "Mon, 99 Nov 2026 99:99:99 GMT"])
def test_a_response_without_a_date_changes_nothing(header: str | None) -> None:
    clock = ServerClock(lambda: 5.0)
    clock.observe(date(0), 5.0, 5.0)
    clock.observe(header, 5.0, 5.0)
    assert (clock.now() - T).total_seconds() == pytest.approx(0.0, abs=1e-5)
