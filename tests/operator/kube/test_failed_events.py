"""Which Events are tried again after their creation failed, and which are given up and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.kit.builders import NOW, job
from tests.kit.waiting import run_event_loop

from dpojob_api.job import DPOJobStatus
from dpojob_operator.kube import ApiError, Conflict, EventRecorder, event_recorder


class ApiClient:
    """A stand-in that gives each message its answers in turn; when none is left, it creates the Event."""

    def __init__(self, **answers: list[ApiError]) -> None:
        self.answers = answers
        self.tried: list[str] = []
        self.created: list[str] = []

    async def create(self, _: Any, body: dict[str, Any]) -> None:
        message = body["message"]
        self.tried.append(message)
        if self.answers.get(message):
            raise self.answers[message].pop(0)
        self.created.append(message)


class Recording:
    """A running recorder whose clock a test sets."""

    def __init__(self, cluster: Any, is_busy: Callable[[], bool] = lambda: False) -> None:
        self.now = 0.0
        self.recorder = EventRecorder(cluster, is_busy, lambda: self.now)
        self.task = asyncio.create_task(self.recorder.run())

    def record(self, *messages: str) -> None:
        for message in messages:
            condition = {
                "type": "Training",
                "status": "True",
                "reason": message,
                "message": message,
            }
            new = DPOJobStatus.model_validate({"conditions": [condition]})
            self.recorder.record(job(None), new, NOW)

    async def after(self, seconds: float = 0.0) -> None:
        self.now += seconds
        await run_event_loop()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_recorder, "LOOK_SECONDS", 0.0)


def dropped() -> float:
    return REGISTRY.get_sample_value("dpojob_dropped_events_total") or 0.0


@pytest.mark.parametrize("status", [0, 401, 408, 429, 500, 503])
async def test_an_event_is_tried_again_where_the_answer_says_nothing_about_it(status: int) -> None:
    before = dropped()
    cluster = ApiClient(a=[ApiError(status, "not now")] * 2)
    recording = Recording(cluster)
    recording.record("a", "b")
    await recording.after()
    assert (cluster.tried, cluster.created) == (["a", "b"], ["b"])
    await recording.after(event_recorder.FIRST_RETRY_SECONDS)
    await recording.after(event_recorder.FIRST_RETRY_SECONDS)
    assert cluster.tried == ["a", "b", "a"], "the second pause is longer"
    await recording.after(event_recorder.FIRST_RETRY_SECONDS)
    assert (cluster.created, dropped()) == (["b", "a"], before)
    await recording.end()


async def test_a_try_is_as_late_as_the_api_server_asks() -> None:
    cluster = ApiClient(a=[ApiError(429, "later", retry_after=90.0)])
    recording = Recording(cluster)
    recording.record("a")
    await recording.after()
    await recording.after(89.0)
    assert cluster.created == []
    await recording.after(1.0)
    assert cluster.created == ["a"]
    await recording.end()


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_an_event_that_is_refused_is_dropped_logged_and_counted(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = dropped()
    cluster = ApiClient(a=[ApiError(status, "the namespace is being deleted")])
    recording = Recording(cluster)
    recording.record("a")
    await recording.after()
    assert "Event a of ns/x is dropped" in caplog.text
    await recording.after(event_recorder.KEEP_SECONDS)
    assert (cluster.tried, dropped() - before) == (["a"], 1)
    await recording.end()


async def test_an_event_that_exists_is_created() -> None:
    before = dropped()
    cluster = ApiClient(a=[ApiError(0, "no answer"), Conflict(409, "it exists")])
    recording = Recording(cluster)
    recording.record("a")
    await recording.after()
    await recording.after(event_recorder.KEEP_SECONDS)
    await recording.after(event_recorder.KEEP_SECONDS)
    assert (cluster.tried, dropped()) == (["a", "a"], before)
    await recording.end()


async def test_an_event_whose_creation_keeps_failing_is_given_up_some_time() -> None:
    before = dropped()
    cluster = ApiClient(a=[ApiError(500, "no")] * 1000)
    recording = Recording(cluster)
    recording.record("a")
    await recording.after()
    tries = int(event_recorder.KEEP_SECONDS / event_recorder.MAX_RETRY_SECONDS)
    for _ in range(tries - 1):
        await recording.after(event_recorder.MAX_RETRY_SECONDS)
    assert dropped() == before
    for _ in range(2):
        await recording.after(event_recorder.MAX_RETRY_SECONDS)
    assert dropped() - before == 1
    await recording.end()


async def test_a_clean_end_tries_those_again_that_failed() -> None:
    before = dropped()
    cluster = ApiClient(a=[ApiError(503, "starting", retry_after=600.0)] * 3)
    recording = Recording(cluster)
    recording.record("a")
    await recording.after()
    await recording.end()
    assert (cluster.created, dropped()) == (["a"], before)


async def test_more_events_than_may_wait_are_dropped_logged_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert event_recorder.MAX_WAITING >= 20_000, "what 10,000 jobs make that are created at once"
    monkeypatch.setattr(event_recorder, "MAX_WAITING", 3)
    before = dropped()
    cluster = ApiClient()
    recording = Recording(cluster, is_busy=lambda: True)
    recording.record("a", "b", "c", "d")
    assert dropped() - before == 1
    assert "Event d of ns/x is dropped: 3 Events wait already" in caplog.text
    await recording.after()
    await recording.end()
    assert sorted(cluster.created) == ["a", "b", "c"]
