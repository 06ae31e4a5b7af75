"""Lists, watches and logs with answers that a healthy test cluster does not give."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from tests.kit.cli.page_jobs import progress, training
from tests.kit.cli.scripted_server import Response, refused, scripted_api

from dpojob.cluster.resources import PODS
from dpojob.page import cluster_watch, server
from dpojob.page.cluster_feed import ClusterFeed
from dpojob.page.cluster_watch import Watched, watch
from dpojob.page.job_store import JobStore
from dpojob.page.log_follower import LogFollower

FORBIDDEN = 'pods is forbidden: User "x" cannot list'


def item(name: str, version: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}


def page_of(*names: str, version: str, proceed: str = "") -> Response:
    metadata = {"resourceVersion": version} | ({"continue": proceed} if proceed else {})
    return Response([{"metadata": metadata, "items": [item(name) for name in names]}])


async def seen(monkeypatch: pytest.MonkeyPatch, *answers: Response) -> tuple[list[Any], list[str]]:
    """What a watch reports until all answers are used up, and what it asked for."""
    for name in ("PAUSE_SECONDS", "RETRY_SECONDS", "FORBIDDEN_RETRY_SECONDS"):
        monkeypatch.setattr(cluster_watch, name, 0.0)
    found: list[Any] = []

    def name_of(each: dict[str, Any]) -> str:
        return str(each["metadata"]["name"])

    watched = Watched(
        PODS,
        "team-b",
        lambda items: found.append([name_of(each) for each in items]),
        lambda each: found.append(f"+{name_of(each)}"),
        lambda each: found.append(f"-{name_of(each)}"),
        "involvedObject.kind=DPOJob",
    )

    def on_problem(key: str, problem: str | None) -> None:
        if problem is not None:
            found.append(problem)

    async with scripted_api(*answers) as (api_server, api):
        task = asyncio.create_task(watch(api, watched, lambda: None, on_problem))
        await api_server.used_up.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return found, api_server.asked


async def test_a_list_is_read_page_by_page_and_a_watch_continues_from_what_it_saw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, asked = await seen(
        monkeypatch,
        page_of("a", version="5", proceed="next"),
        page_of("b", version="5"),
        Response([{"type": "ADDED", "object": item("c", "6")}, {"type": "BOOKMARK", "object": item("", "9")}]),
        Response([{"type": "DELETED", "object": item("a", "10")}]),
    )  # fmt: skip
    assert found == [["a", "b"], "+c", "-a"]
    assert asked[0].startswith("/api/v1/namespaces/team-b/pods?")
    assert all("fieldSelector=involvedObject.kind=DPOJob" in path for path in asked)
    assert "continue=next" in asked[1]
    assert "resourceVersion=5" in asked[2]
    assert "resourceVersion=9" in asked[3]


@pytest.mark.parametrize(
    ("last", "problems"),
    [
        (Response([{"type": "ERROR", "object": {"kind": "Status", "code": 410}}]), []),
        (Response([b"{"]), ["this is no answer of an API server: {"]),
    ],
)
async def test_after_an_error_in_a_watch_everything_is_listed_anew(
    monkeypatch: pytest.MonkeyPatch, last: Response, problems: list[str]
) -> None:
    found, _ = await seen(
        monkeypatch, page_of("a", version="5"), last, page_of("b", version="8"), Response([])
    )
    assert found == [["a"], *problems, ["b"]]


async def test_what_the_user_may_not_read_is_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = refused(403, "Forbidden", FORBIDDEN)
    found, _ = await seen(monkeypatch, refusal, page_of("a", version="5"))
    assert found == [f"Error from server (Forbidden): {FORBIDDEN}", ["a"]]


async def test_jobs_that_a_new_list_lacks_are_forgotten() -> None:
    store = JobStore()
    async with scripted_api() as (_, api):
        feed = ClusterFeed(api, None, ["team-a", "team-b"], store)
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
    pods = Response([{"metadata": {}, "items": [pod]}])
    log = Response([b"noise\n", b"{'loss': '0.5', 'epoch': '0.05'}\n"])
    key = ("team-a", "helpful")
    async with scripted_api(pods, log) as (api_server, api):
        follower = LogFollower(api, store)
        async with follower.following([key]), follower.following([key]):
            while not store.log_curves:
                await store.next_change().wait()
    asked_pods, asked_log = api_server.asked
    assert "dpojob.dev/uid=uid-team-a-helpful" in asked_pods
    assert asked_log.startswith("/api/v1/namespaces/team-a/pods/helpful-train-1-x/log?follow=true")
    job = store.job(*key)
    assert job is not None
    assert store.curve(job)[0].columns() == {"step": [5], "loss": [0.5]}
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert all(task.cancelling() for task in others if "_follow" in repr(task))
