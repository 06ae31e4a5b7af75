"""The fake kubelet, where a pod is deleted while the API server takes its status."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from tests.faults.scenarios.scenario import all_succeed
from tests.kit.api.client import AsyncApi
from tests.kit.cluster.fake_kubelet import FakeKubelet
from tests.kit.waiting import LIMIT

from dpojob_api.base import JSONObject

POD: JSONObject = {
    "metadata": {
        "name": "p",
        "uid": "u",
        "labels": {"dpojob.dev/job": "j", "dpojob.dev/uid": "d", "dpojob.dev/stage": "train"},
    },
    "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
}


class SlowApi:
    """Answers the writes of statuses when a test lets it."""

    def __init__(self) -> None:
        self.asked, self.answers, self.deleted = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call(self, method: str, *_: Any) -> JSONObject:
        if method == "DELETE":
            self.deleted.set()
        else:
            self.asked.set()
            await self.answers.wait()
        return {}


async def test_a_pod_that_is_deleted_before_it_is_known_to_run_does_not_run() -> None:
    api = SlowApi()
    kubelet = FakeKubelet(cast(AsyncApi, api), "ns", all_succeed, lambda: datetime.now(UTC))
    async with asyncio.timeout(LIMIT):
        kubelet.observe(POD)
        await api.asked.wait()
        kubelet.observe({**POD, "metadata": {**POD["metadata"], "deletionTimestamp": "now"}})
        await api.deleted.wait()
        api.answers.set()
        while kubelet.busy:
            await asyncio.sleep(0)
    assert kubelet.running == {}
