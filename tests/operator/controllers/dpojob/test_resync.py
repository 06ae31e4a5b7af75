"""The periodic listing of everything that is watched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dpojob_operator.controllers.dpojob import Resync
from dpojob_operator.kube import ApiError, NotFound


class Lists:
    """A stand-in for the API client and the sink: one kind cannot be listed, all others are empty."""

    def __init__(self, plural: str, error: ApiError) -> None:
        self.plural, self.error = plural, error
        self.ended: list[str] = []

    async def scan(self, resource: Any, *_: Any) -> str:
        if resource.plural == self.plural:
            raise self.error
        return "1"

    def take_list(self, path: str, *_: Any) -> None:
        self.ended.append(path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("plural", "error", "listed"),
    [
        ("costquotas", NotFound(404, "no such resource"), True),
        ("costquotas", ApiError(403, "forbidden"), False),
        ("gpupools", NotFound(404, "no such resource"), False),
    ],
)
async def test_only_the_crd_of_quotas_may_be_missing(
    plural: str, error: ApiError, listed: bool
) -> None:
    """An upgrade of the operator alone keeps the CRDs of a version before it."""
    lists: Any = Lists(plural, error)
    resync = Resync(lists, (), 60.0, lambda key: None, lists)
    task = asyncio.create_task(resync.run())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    assert resync.listed.is_set() is resync.ready is listed
    assert ("dpojobs" in lists.ended) is listed
