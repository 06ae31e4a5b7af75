"""A DPOJob that another controller manages, such as MultiKueue, is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import FixedClock, job

from dpojob_api.constants import CONTROLLER_NAME
from dpojob_operator.controllers.dpojob import Reconciler
from dpojob_operator.indexes import DependentsIndex
from dpojob_operator.kube import ApiError


class Reader:
    """A stand-in for the state reader, of which a pass over a job of another controller asks nothing more."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw

    async def read_job(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self._raw

    async def read(self, *_: Any, **__: Any) -> None:
        raise ApiError(0, "its children are read")


class Poller:
    """A stand-in for the progress poller that remembers what it no longer polls."""

    def __init__(self) -> None:
        self.stopped: list[Any] = []

    def stop(self, key: Any) -> None:
        self.stopped.append(key)


def reconciler(spec: dict[str, Any], poller: Poller) -> Reconciler:
    raw = job().model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["spec"] |= spec
    reader: Any = Reader(raw)
    polls: Any = poller
    unused: Any = None
    return Reconciler(
        unused, reader, unused, polls, DependentsIndex(), unused, FixedClock(), {}, 0.0
    )


@pytest.mark.parametrize("others", [{}, {"fieldOfTomorrow": 1}], ids=["readable", "unreadable"])
async def test_nothing_is_read_or_written_for_it(others: dict[str, Any]) -> None:
    poller = Poller()
    spec = {"managedBy": "kueue.x-k8s.io/multikueue", **others}
    assert await reconciler(spec, poller).reconcile(("ns", "x")) is None
    assert poller.stopped == [("ns", "x")]


@pytest.mark.parametrize("spec", [{}, {"managedBy": CONTROLLER_NAME}], ids=["absent", "named"])
async def test_one_of_this_operator_is_worked_on(spec: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="its children are read"):
        await reconciler(spec, Poller()).reconcile(("ns", "x"))
