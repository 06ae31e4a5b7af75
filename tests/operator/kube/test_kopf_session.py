"""The session of the lists and watches, on a real HTTP server: deep, large and hostile objects."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dpojob_operator.controllers import Handlers
from dpojob_operator.indexes import DependentsIndex, InspectionCache, OutputLockIndex
from dpojob_operator.kube.kopf_session import BoundedResponse, BoundedSession

DEEP = '{"a":' * 5000 + "1" + "}" * 5000
METADATA = {"name": "good", "namespace": "one", "uid": "u", "resourceVersion": "7"}
HOSTILE = {
    **METADATA,
    "labels": {"app.kubernetes.io/managed-by": "dpojob", "mine": "x" * 63},
    "annotations": {"kopf.zalando.org/last-handled-configuration": "["},
    "finalizers": ["kopf.zalando.org/KopfFinalizerMarker"],
}
STATUSES: tuple[dict[str, Any], ...] = (
    {},
    {"inspection": {"name": "good-inspect-1"}},
    {"inspection": {"name": "good-inspect-1", "key": "k"}, "dataset": {"rows": 1}},
    {"artifacts": {"claimName": "made", "path": "x"}},
    {"attempts": [{"number": 1}], "conditions": [{"type": "Finished", "status": "True"}]},
)
SPECS: tuple[dict[str, Any], ...] = (
    {"training": {"beta": 1}},
    {"output": {"volume": {"claimName": "claim", "path": "a"}, "name": "x"}, "suspend": True},
    {"output": {"volume": {"claimName": "claim"}}, "validateOnly": True},
    {"output": {"volume": {"claimName": "claim"}}, "model": {"fromJob": {"name": "other"}}},
)
JOBS = [
    {"metadata": HOSTILE, "spec": spec, "status": status} for spec in SPECS for status in STATUSES
]
LARGE = {"metadata": METADATA, "spec": {"training": {"x": "y" * 2_000_000}}}
BODIES = [f'{{"metadata":{{"name":"bad"}},"spec":{{"output":{DEEP}}}}}', json.dumps(LARGE)]
BODIES += [json.dumps(job) for job in JOBS]
ERROR = '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}'
BOOKMARK = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}}'


async def answer(request: web.Request) -> web.Response:
    events = [f'{{"type":"ADDED","object":{one}}}' for one in BODIES]
    text = {
        "list": f'{{"kind":"DPOJobList","items":[{",".join(BODIES)}],"metadata":{{"continue":"c"}}}}',
        "watch": "\n".join([*events, BOOKMARK, ERROR]),
        "api": '{"resources":[{"name":"dpojobs","verbs":["get"]}]}',
    }[request.match_info["path"]]
    return web.Response(body=text.encode(), content_type="application/json")


@pytest.fixture
async def answers() -> Any:
    """What Kopf gets: the list, the events of the watch, and another answer."""
    app = web.Application()
    app.router.add_get("/{path}", answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(response_class=BoundedResponse) as session,
    ):
        async with session.get(server.make_url("/list")) as response:
            listed = await response.json()
        async with session.get(server.make_url("/watch")) as response:
            chunks = [chunk async for chunk in response.content.iter_chunked(1024)]
        async with session.get(server.make_url("/api")) as response:
            other = await response.json()
    yield listed, [json.loads(line) for line in b"".join(chunks).splitlines()], other


async def test_no_object_breaks_a_list_or_a_watch(answers: Any) -> None:
    listed, events, _ = answers
    watched = [event["object"] for event in events[:-2]]
    for objects in (listed["items"], watched):
        assert [one["metadata"]["name"] for one in objects[:3]] == ["bad", "good", "good"]
        assert len(objects) == len(BODIES)


async def test_what_no_handler_reads_is_dropped(answers: Any) -> None:
    listed, events, _ = answers
    for objects in (listed["items"], [event["object"] for event in events[:-2]]):
        assert objects[1] == {"metadata": METADATA, "spec": {}}
        hostile = {**METADATA, "labels": {"app.kubernetes.io/managed-by": "dpojob"}}
        assert objects[2]["metadata"] == hostile
        assert max(len(json.dumps(one)) for one in objects[1:]) < 1000


async def test_all_that_is_no_object_stays_as_it_is(answers: Any) -> None:
    listed, events, other = answers
    assert (listed["kind"], listed["metadata"]) == ("DPOJobList", {"continue": "c"})
    assert events[-2:] == [json.loads(BOOKMARK), json.loads(ERROR)]
    assert other == {"resources": [{"name": "dpojobs", "verbs": ["get"]}]}


def recorded(raw: dict[str, Any]) -> Any:
    """What the event handlers keep of an object."""
    added: list[Any] = []
    dependents = DependentsIndex()
    inspections = InspectionCache(None, "", dependents, added.append)  # type: ignore[arg-type]
    locks = OutputLockIndex(None, dependents)  # type: ignore[arg-type]
    handlers = Handlers(added.append, lambda: None, dependents, inspections, locks, {})
    handlers.dpojob("ADDED", raw)
    handlers.child(raw)
    return added, dict(inspections._by_key), dict(locks._writers)


async def test_the_handlers_keep_the_same_of_a_reduced_object(answers: Any) -> None:
    listed, _, _ = answers
    kept = [recorded(job) for job in JOBS]
    assert [recorded(job) for job in listed["items"][2:]] == kept
    assert any(inspections for _, inspections, _ in kept) and any(locks for *_, locks in kept)


async def test_sessions_with_the_same_credentials_are_equal() -> None:
    """Otherwise Kopf would try rejected credentials again without end."""

    def logged_in(token: str) -> BoundedSession:
        credentials = kopf.ConnectionInfo(server="https://a", token=token)
        session = aiohttp.ClientSession()
        opened.append(session)
        return BoundedSession(
            server=credentials.server, credentials=credentials, aiohttp_session=session
        )

    opened: list[aiohttp.ClientSession] = []
    try:
        assert logged_in("a") == logged_in("a")
        assert logged_in("a") != logged_in("b")
    finally:
        for session in opened:
            await session.close()
