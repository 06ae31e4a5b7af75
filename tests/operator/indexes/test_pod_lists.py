"""Live lists of pods that several jobs share: none is older than the call, and an error reaches every caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from dpojob_operator.indexes import PodLists
from dpojob_operator.kube import ApiError


class SlowCluster:
    """A stand-in for the API client that answers a list when a test says so."""

    def __init__(self) -> None:
        self.selectors: list[str] = []
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def list(self, _: Any, namespace: str, selector: str) -> AsyncIterator[dict[str, Any]]:
        self.selectors.append(selector.rpartition("uid in ")[2])
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        for value in self.selectors[-1].strip("()").split(","):
            if value != "none":
                yield {"metadata": {"name": f"pod-of-{value}", "labels": {"uid": value}}}


async def ask(lists: PodLists, value: str) -> list[str]:
    found = await lists.with_label("ns", "train", "uid", value)
    return [pod["metadata"]["name"] for pod in found]


async def test_what_is_asked_for_during_a_request_is_the_next_request() -> None:
    cluster = SlowCluster()
    lists = PodLists(cluster)  # type: ignore[arg-type]
    first = asyncio.create_task(ask(lists, "a"))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(ask(lists, value)) for value in ("a", "b", "none", "b")]
    await asyncio.sleep(0.01)
    assert cluster.selectors == ["(a)"], "the answer in flight may be older than the later calls"
    rest.pop().cancel()
    cluster.may_answer.set()
    assert await first == ["pod-of-a"]
    assert await asyncio.gather(*rest) == [["pod-of-a"], ["pod-of-b"], []]
    assert cluster.selectors == ["(a)", "(a,b,none)"]
    assert await ask(lists, "c") == ["pod-of-c"]


async def test_an_error_reaches_everybody_who_asked_and_the_next_call_asks_again() -> None:
    cluster = SlowCluster()
    lists = PodLists(cluster)  # type: ignore[arg-type]
    cluster.may_answer.set()
    cluster.error = ApiError(500, "not now")
    asked = await asyncio.gather(ask(lists, "a"), ask(lists, "b"), return_exceptions=True)
    assert asked == [cluster.error, cluster.error]
    cluster.error = None
    assert await ask(lists, "a") == ["pod-of-a"]
