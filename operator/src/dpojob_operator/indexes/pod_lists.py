"""Live lists of training and inspection pods by a label: what several jobs ask for is one request.

A request that is sent after it was asked for is a live read for everybody who asked before. So while one is in
flight, further values of the label are collected, and the next one asks for all of them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_MANAGED_BY, LABEL_STAGE, MANAGED_BY
from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import PODS

Group = tuple[str, str, str]
"""Namespace, stage and label."""
PendingList = asyncio.Future[list[JSONObject]]
"""A list of pods that is still to be read."""


class PodLists:
    """Lists pods live; at most one request of a namespace, stage and label is in flight."""

    def __init__(self, cluster: ApiClient) -> None:
        self._cluster = cluster
        self._collected: dict[Group, defaultdict[str, list[PendingList]]] = {}
        """Who waits for the next request of a group, by the value of the label."""
        self._requests: dict[Group, asyncio.Task[None]] = {}

    async def with_label(
        self, namespace: str, stage: str, label: str, value: str
    ) -> list[JSONObject]:
        """The operator's pods of the stage whose label has the value, as they are now. Raises ApiError."""
        loop, group = asyncio.get_running_loop(), (namespace, stage, label)
        pending: PendingList = loop.create_future()
        self._collected.setdefault(group, defaultdict(list))[value].append(pending)
        if group not in self._requests:
            self._requests[group] = loop.create_task(self._request(group))
        return await pending

    async def _request(self, group: Group) -> None:
        try:
            while collected := self._collected.pop(group, None):
                try:
                    found = await self._list(group, list(collected))
                except Exception as error:
                    _resolve(collected, error)
                else:
                    _resolve(collected, found)
        finally:
            del self._requests[group]

    async def _list(self, group: Group, values: list[str]) -> dict[str, list[JSONObject]]:
        namespace, stage, label = group
        selector = (
            f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_STAGE}={stage},{label} in ({','.join(values)})"
        )
        found: dict[str, list[JSONObject]] = {value: [] for value in values}
        async for pod in self._cluster.list(PODS, namespace, selector):
            found[pod["metadata"]["labels"][label]].append(pod)
        return found


def _resolve(
    collected: dict[str, list[PendingList]], result: dict[str, list[JSONObject]] | Exception
) -> None:
    """Gives the result to those who still wait."""
    for value, waiting in collected.items():
        for pending in waiting:
            if pending.done():
                continue
            if isinstance(result, Exception):
                pending.set_exception(result)
            else:
                pending.set_result(result[value])
