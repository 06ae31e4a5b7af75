"""Which faults to try: every point of the clean runs, and a seeded choice where there are too many."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterable, Iterator, Mapping

from .injection.fault_types import ANSWERS, BROKEN, EVENTS, OPENINGS, STREAMS, Fault, Point
from .injection.request_log import Log

Case = tuple[str, Fault]
"""A scenario's name and what happens in it."""


def crashes(log: Log) -> Iterator[Fault]:
    """A crash before and after every write."""
    for write in range(1, len(log.writes) + 1):
        for action in ("crash-before", "crash-after"):
            yield Fault(action, Point(None, write))


def stale(log: Log) -> Iterator[Fault]:
    """A crash after every write, and a restart that sees old lists, or looks at Jobs late."""
    for write in range(1, len(log.writes) + 1):
        for action in ("crash-stale", "crash-late"):
            yield Fault(action, Point(None, write))


def errors(log: Log) -> Iterator[Fault]:
    """Every request, answered wrongly or not at all."""
    for entry in log.entries:
        if entry.kind.verb != "watch":
            for action in (*ANSWERS, *BROKEN):
                yield Fault(action, Point(entry.kind, entry.nth))


def watches(log: Log) -> Iterator[Fault]:
    """Every watch refused; every event of it altered, or the last one of the stream."""
    for entry in log.entries:
        if entry.kind.verb != "watch":
            continue
        for action in OPENINGS:
            yield Fault(action, Point(entry.kind, entry.nth))
        for event, action in itertools.product(range(1, entry.events + 1), (*EVENTS, *STREAMS)):
            yield Fault(action, Point(entry.kind, entry.nth, event))


FAMILIES = {"crashes": crashes, "stale": stale, "errors": errors, "watches": watches}
"""The families by name."""
SHARES = {"errors": 0.55, "watches": 0.30, "stale": 0.15}
"""How the runs that the crash sweep leaves are shared out."""
ENOUGH = 500
"""Runs from which on the crash sweep is made whole."""
LEAST_OTHERS = 150
"""Runs of these, however many the crash sweep takes."""


def cases(family: str, logs: Mapping[str, Log]) -> list[Case]:
    """All of a family, over all scenarios."""
    return [(name, fault) for name, log in logs.items() for fault in FAMILIES[family](log)]


def choose(logs: Mapping[str, Log], runs: int, random_: random.Random) -> list[Case]:
    """Choose the runs of a sweep.

    A long sweep holds every crash and enough of the other families, even if these are more than `runs`; half of
    a short one are crashes.
    """
    long = runs >= ENOUGH
    chosen = _draw(cases("crashes", logs), sys.maxsize if long else runs // 2, random_)
    left = runs - len(chosen)
    if long:
        left = max(left, LEAST_OTHERS)
    for family, share in SHARES.items():
        chosen += _draw(cases(family, logs), round(left * share), random_)
    return chosen


def others(
    logs: Mapping[str, Log], chosen: list[Case], runs: int, random_: random.Random
) -> list[Case]:
    """At most `runs` cases that were not chosen yet, of any family."""
    left = dict.fromkeys(case for family in FAMILIES for case in cases(family, logs))
    for case in chosen:
        left.pop(case, None)
    return _draw(left, runs, random_)


def _draw(all_: Iterable[Case], number: int, random_: random.Random) -> list[Case]:
    listed = list(all_)
    return listed if len(listed) <= number else random_.sample(listed, number)
