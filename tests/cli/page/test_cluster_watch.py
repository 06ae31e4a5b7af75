"""Lists, watches and logs with answers that a healthy test cluster does not give."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from tests.cli.page.jobs import progress, training

from dpojob.kubectl import Kubectl
from dpojob.page import cluster_watch, server
from dpojob.page.cluster_feed import ClusterFeed, context_namespaces
from dpojob.page.cluster_watch import RequestError, Requests, Watched, watch
from dpojob.page.job_store import JobStore
from dpojob.page.log_follower import LogFollower

FORBIDDEN = 'Error from server (Forbidden): dpojobs is forbidden: User "x" cannot list'


class ScriptedRequests(Requests):
    """Answers from lists; a request beyond their end waits for ever."""

    def __init__(self, reads: list[Any], streams: list[Any]) -> None:
        super().__init__(Kubectl())
        self.reads, self.streams = reads, streams
        self.asked: list[str] = []

    async def read(self, *arguments: str) -> dict[str, Any]:
        self.asked.append(" ".join(arguments))
        if not self.reads:
            await asyncio.Event().wait()
        answer = self.reads.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    async def lines(self, *arguments: str) -> AsyncGenerator[bytes]:
        self.asked.append(" ".join(arguments))
        if not self.streams:
            await asyncio.Event().wait()
        for line in self.streams.pop(0):
            yield line if isinstance(line, bytes) else json.dumps(line).encode()


def item(name: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}


def page_of(*names: str, version: str, proceed: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": version} | ({"continue": proceed} if proceed else {})
    return {"metadata": metadata, "items": [item(name) for name in names]}


async def seen(requests: ScriptedRequests, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a watch reports until all answers are used up."""
    for name in ("PAUSE_SECONDS", "RETRY_SECONDS", "FORBIDDEN_RETRY_SECONDS"):
        monkeypatch.setattr(cluster_watch, name, 0.0)
    found: list[Any] = []

    def name_of(each: dict[str, Any]) -> str:
        return str(each["metadata"]["name"])

    watched = Watched(
        "/things?",
        lambda items: found.append([name_of(each) for each in items]),
        lambda each: found.append(f"+{name_of(each)}"),
        lambda each: found.append(f"-{name_of(each)}"),
    )

    def on_problem(path: str, problem: str | None) -> None:
        if problem is not None:
            found.append(problem)

    task = asyncio.create_task(watch(requests, watched, lambda: None, on_problem))
    while requests.reads or requests.streams:
        await asyncio.sleep(0)
    for _ in range(20):  # The last answer is passed on without waiting for anything outside.
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


async def test_a_list_is_read_page_by_page_and_a_watch_continues_from_what_it_saw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = ScriptedRequests(
        [page_of("a", version="5", proceed="next"), page_of("b", version="5")],
        [
            [{"type": "ADDED", "object": item("c", "6")}, {"type": "BOOKMARK", "object": item("", "9")}],
            [{"type": "DELETED", "object": item("a", "10")}],
        ],
    )  # fmt: skip
    assert await seen(requests, monkeypatch) == [["a", "b"], "+c", "-a"]
    assert "continue=next" in requests.asked[1]
    assert "resourceVersion=5" in requests.asked[2]
    assert "resourceVersion=9" in requests.asked[3]


@pytest.mark.parametrize(
    "last",
    [{"type": "ERROR", "object": {"kind": "Status", "code": 410}}, b"{", b"[1]"],
)
async def test_after_an_error_in_a_watch_everything_is_listed_anew(
    monkeypatch: pytest.MonkeyPatch, last: Any
) -> None:
    requests = ScriptedRequests(
        [page_of("a", version="5"), page_of("b", version="8")], [[last], []]
    )
    assert await seen(requests, monkeypatch) == [["a"], ["b"]]


async def test_what_the_user_may_not_read_is_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = ScriptedRequests([RequestError(FORBIDDEN), page_of("a", version="5")], [])
    assert await seen(requests, monkeypatch) == [FORBIDDEN, ["a"]]


def test_the_kubeconfig_names_the_namespaces_of_one_cluster_and_user() -> None:
    def context(name: str, cluster: str, user: str, namespace: str | None = None) -> dict[str, Any]:
        return {"name": name, "context": {"cluster": cluster, "user": user, "namespace": namespace}}

    contexts = [
        context("b", "c", "me", "team-b"), context("a", "c", "me", "team-a"), context("d", "c", "me"),
        context("other", "c", "you", "team-c"), context("far", "x", "me", "team-d"),
    ]  # fmt: skip
    config = {"current-context": "a", "contexts": contexts}
    assert context_namespaces(config, None) == ["team-a", "team-b", "default"]
    assert context_namespaces(config, "far") == ["team-d"]
    assert context_namespaces({}, None) == ["default"]


async def test_jobs_that_a_new_list_lacks_are_forgotten() -> None:
    store = JobStore()
    feed = ClusterFeed(Kubectl(), ["team-a", "team-b"], store)
    for namespace in ("team-a", "team-b"):
        store.put_job(training("helpful", namespace))
    feed.jobs("team-a").replace([training("other")])
    assert set(store.jobs) == {("team-a", "other"), ("team-b", "helpful")}


async def test_a_stream_sends_what_changed_and_misses_no_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MIN_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", None)
    store, views = JobStore(), ["first", "first", "second\nline\u202e"]

    def render() -> dict[str, Any]:
        store.notify()  # A change while the view is built.
        return {"view": views.pop(0)}

    async with aclosing(server.messages(store, render)) as stream:
        sent = [await anext(stream) for _ in range(3)]
    assert sent == [
        'data: {"view":"first"}\n\n',
        ":\n\n",
        'data: {"view":"second\\nline\\\\u202e"}\n\n',
    ]


async def test_the_log_of_a_job_is_followed_once_and_only_while_it_is_shown() -> None:
    store = JobStore()
    store.put_job(training("helpful", progress=progress(10, epoch=0.1)))
    pod = {"metadata": {"name": "helpful-train-1-x"}, "status": {"phase": "Running"}}
    log = [b"noise", b"{'loss': '0.5', 'epoch': '0.05'}"]
    requests = ScriptedRequests([{"metadata": {}, "items": [pod]}], [log])
    follower = LogFollower(requests, store)
    key = ("team-a", "helpful")
    async with follower.following([key]), follower.following([key]):
        while not store.log_curves:
            await asyncio.sleep(0)
    pods, logs = requests.asked
    assert "dpojob.dev%2Fuid%3Duid-team-a-helpful" in pods
    assert logs.startswith("logs helpful-train-1-x --namespace=team-a --follow")
    job = store.job(*key)
    assert job is not None
    assert store.curve(job)[0].columns() == {"step": [5], "loss": [0.5]}
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert len(others) <= 1 and all(task.cancelling() for task in others)
