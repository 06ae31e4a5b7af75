"""A signal asks the run to stop, and never takes away what it has come to."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import StopRequest


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    request = StopRequest()
    with request.listening():
        yield request


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def test_the_first_signal_ends_what_runs_and_a_second_one_lets_it_clean_up(
    stop: StopRequest,
) -> None:
    cleaned = False
    with pytest.raises(Interrupted), stop.raising():
        try:
            terminate()
        finally:
            terminate()
            cleaned = True
    assert cleaned


def test_a_signal_before_the_run_ends_it_at_its_start(stop: StopRequest) -> None:
    terminate()
    with pytest.raises(Interrupted), stop.raising():
        raise AssertionError("it runs")


def test_a_signal_where_the_loop_checks_for_one_only_asks(stop: StopRequest) -> None:
    with stop.raising(), stop.defer():
        terminate()
    assert stop.requested


@pytest.mark.parametrize("error", [None, ValueError("the loss is not a number")])
def test_a_signal_after_the_run_replaces_neither_result_nor_error(
    stop: StopRequest, error: Exception | None
) -> None:
    def run() -> str:
        with stop.raising():
            if error is not None:
                raise error
            return "result"

    try:
        result = run()
    except ValueError as raised:
        terminate()
        assert raised is error
    else:
        terminate()
        assert (result, error) == ("result", None)
    assert stop.requested


def test_the_handlers_before_are_back_after_the_run() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
