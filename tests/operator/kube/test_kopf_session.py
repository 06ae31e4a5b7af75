"""The session of the lists and watches, on a real HTTP server: deep, large and hostile objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dpojob_operator.kube.kopf_session import BoundedSession, response_class

DEEP = '{"a":' * 5000 + "1" + "}" * 5000


def metadata(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": "one",
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        **fields,
    }


HOSTILE = metadata(
    "hostile",
    annotations={"kopf.zalando.org/last-handled-configuration": "["},
    finalizers=["kopf.zalando.org/KopfFinalizerMarker"],
)
LARGE = {"metadata": metadata("large"), "spec": {"training": {"x": "y" * 2_000_000}}}
BODIES = [
    f'{{"metadata":{json.dumps(metadata("deep"))},"spec":{{"output":{DEEP}}}}}',
    json.dumps(LARGE),
    json.dumps({"metadata": HOSTILE}),
]
UIDS = frozenset({"uid-deep", "uid-large", "uid-hostile"})
NAMES = ["deep", "large", "hostile"]
ERROR = '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}'
BOOKMARK = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}}'


class Sink:
    """Records what it takes."""

    def __init__(self) -> None:
        self.objects: list[tuple[str, str, str]] = []
        self.lists: list[tuple[str, frozenset[str], str]] = []
        self.versions: dict[str, str] = {}

    def take_object(self, path: str, event: str, raw: Mapping[str, Any]) -> None:
        self.objects.append((path, event, raw["metadata"]["name"]))

    def take_list(self, path: str, uids: frozenset[str], version: str) -> None:
        self.lists.append((path, uids, version))

    def pop_listed_version(self, path: str) -> str | None:
        return self.versions.pop(path, None)


async def answer(request: web.Request) -> web.Response:
    if "status" in request.query:
        return web.json_response({"message": "busy"}, status=int(request.query["status"]))
    if "watch" in request.query:
        events = [f'{{"type":"ADDED","object":{one}}}' for one in BODIES]
        text = "\n".join([*events, BOOKMARK, ERROR])
    elif "limit" not in request.query:
        text = '{"resources":[{"name":"dpojobs","verbs":["get"]}]}'
    elif "continue" not in request.query:
        text = f'{{"kind":"L","items":[{BODIES[0]}],"metadata":{{"continue":"c","resourceVersion":"9"}}}}'
    else:
        text = (
            f'{{"kind":"L","items":[{",".join(BODIES[1:])}],"metadata":{{"resourceVersion":"9"}}}}'
        )
    return web.Response(body=text.encode(), content_type="application/json")


@pytest.fixture
async def served() -> Any:
    """The sink, and a function that reads an address as Kopf does."""
    app, sink = web.Application(), Sink()
    app.router.add_get("/{path:.*}", answer)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession(response_class=response_class(sink)) as session,
    ):

        async def read(address: str) -> Any:
            async with session.get(server.make_url(address)) as response:
                if "watch" not in address:
                    return await response.json()
                chunks = [chunk async for chunk in response.content.iter_chunked(1024)]
                return [json.loads(line) for line in b"".join(chunks).splitlines()]

        yield sink, read


async def test_the_sink_gets_every_object_of_a_list_and_kopf_none(served: Any) -> None:
    sink, read = served
    first = await read("/jobs?limit=1")
    assert sink.lists == [], "the list goes on"
    second = await read("/jobs?limit=1&continue=c")
    assert (first["items"], second["items"]) == ([], [])
    assert first["metadata"]["continue"] == "c"
    assert sink.objects == [("/jobs", "LISTED", name) for name in NAMES]
    assert sink.lists == [("/jobs", UIDS, "9")]


async def test_a_collection_that_was_just_listed_is_not_listed_again(served: Any) -> None:
    """Kopf watches from the version of that list."""
    sink, read = served
    sink.versions["/jobs"] = "5"
    refusal = await read("/jobs?limit=1&status=429")
    assert refusal == {"message": "busy"}, "Kopf reads when to try again"
    assert await read("/jobs?limit=1") == {"items": [], "metadata": {"resourceVersion": "5"}}
    assert not sink.objects and not sink.lists
    again = await read("/jobs?limit=1")
    assert again["metadata"]["continue"] == "c", "the version was too old: all of it is listed"
    assert sink.objects == [("/jobs", "LISTED", "deep")]


async def test_the_sink_gets_every_object_of_a_watch_and_kopf_its_version(served: Any) -> None:
    sink, read = served
    events = await read("/jobs?watch=true")
    assert sink.objects == [("/jobs", "ADDED", name) for name in NAMES]
    version = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}}
    assert events == [version] * 3 + [json.loads(BOOKMARK), json.loads(ERROR)]


async def test_another_answer_stays_as_it_is(served: Any) -> None:
    sink, read = served
    assert await read("/api") == {"resources": [{"name": "dpojobs", "verbs": ["get"]}]}
    assert not sink.objects and not sink.lists


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
