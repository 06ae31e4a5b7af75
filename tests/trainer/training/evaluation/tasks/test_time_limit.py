"""The time of a task, whatever it does."""

from __future__ import annotations

import math
import signal
import threading
import time

import pytest

from dpojob_trainer.training.evaluation.tasks import time_limit as limits
from dpojob_trainer.training.evaluation.tasks.time_limit import TimeIsUp, time_limit


def test_what_waits_ends_with_the_time_even_if_it_catches_everything_once() -> None:
    before, caught = signal.getsignal(signal.SIGALRM), 0
    with pytest.raises(TimeIsUp), time_limit(time.monotonic() + 3600):
        seconds, between = signal.getitimer(signal.ITIMER_REAL)
        assert seconds > 3000 and between == pytest.approx(limits.SECONDS_BETWEEN)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            threading.Event().wait()
        except BaseException:
            caught += 1
        signal.raise_signal(signal.SIGALRM)
    assert caught == 1
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_is_complete_in_time_is_not_disturbed() -> None:
    with time_limit(time.monotonic() + 3600):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3000
    with pytest.raises(ValueError, match="its own"), time_limit(time.monotonic() + 3600):
        raise ValueError("its own")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [-1.0, 1e-6])
def test_a_time_that_is_up_at_once_leaves_no_timer_and_no_handler(seconds: float) -> None:
    before = signal.getsignal(signal.SIGALRM)
    for _ in range(200):
        with pytest.raises(TimeIsUp), time_limit(time.monotonic() + seconds):
            while True:
                pass
        assert signal.getsignal(signal.SIGALRM) is before
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_timer_that_fires_as_it_is_set_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    before, set_timer = signal.getsignal(signal.SIGALRM), signal.setitimer

    def fire(which: int, seconds: float, interval: float = 0.0) -> None:
        set_timer(which, seconds, interval)
        if seconds:
            signal.raise_signal(signal.SIGALRM)

    monkeypatch.setattr(signal, "setitimer", fire)
    with pytest.raises(TimeIsUp), time_limit(time.monotonic() + 3600):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_another_thread_has_no_limit() -> None:
    done = threading.Event()

    def run() -> None:
        with time_limit(-math.inf):
            done.set()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done.is_set()
