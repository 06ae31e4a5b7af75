"""Looking up branches on a hub that answers, and on one that accepts connections and never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.kit.builders import NOW, build_snapshot, job
from tests.kit.waiting import LIMIT, run_event_loop

from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import Decision, OutputHolder, Policy
from dpojob_operator.decide.steps import decide
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    ObjectStores,
    OutputLockIndex,
    commit_lookup,
)
from dpojob_operator.indexes.commit_lookup import CommitLookup, Revision

KEY = ("ns", "x")


@asynccontextmanager
async def silent_hub() -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and one entry for each connection that was made."""
    made: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append("")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", made
    finally:
        server.close()


class ManualHub:
    """A stand-in for the requests to a hub, each of which the test answers or lets time out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        """The repositories, in the order of the requests."""
        self._answers: list[asyncio.Future[str | None]] = []
        monkeypatch.setattr(CommitLookup, "_request_commit", self._request)

    async def _request(self, revision: Revision) -> str | None:
        self.asked.append(revision[1])
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        return await answer

    def answer(self, commit: str) -> None:
        """Answers the oldest open request."""
        self._answers.pop(0).set_result(commit)

    def time_out(self) -> None:
        """Lets the deadline of the oldest open request pass."""
        self._answers.pop(0).set_exception(TimeoutError())


def models(organization: str, count: int) -> list[Revision]:
    return [("models", f"{organization}/{number}", "main") for number in range(count)]


async def test_a_hub_that_never_answers_is_soon_asked_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub, resolved = ManualHub(monkeypatch), []
    lookup = CommitLookup("http://hub", resolved.append)
    revisions = models("some", 40)
    assert all(lookup.is_pending(one, KEY) for one in revisions)
    for _ in range(commit_lookup.MAX_TIMEOUTS):
        await run_event_loop()
        hub.time_out()
    await run_event_loop()
    asked = len(hub.asked)
    assert asked < commit_lookup.MAX_TIMEOUTS + commit_lookup.MAX_CONCURRENT
    while len(resolved) < len(revisions):
        hub.time_out()  # of the few requests that were open
        await run_event_loop()
    assert not lookup.is_pending(revisions[0], KEY), "a failure is remembered"
    assert not lookup.is_pending(("models", "another/model", "main"), KEY), "the hub is silent"
    assert lookup.commit(revisions[0]) is None and len(hub.asked) == asked


async def test_many_look_ups_of_a_namespace_do_not_delay_those_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub, resolved = ManualHub(monkeypatch), []
    lookup = CommitLookup("http://hub", resolved.append)
    for revision in models("of-a", 500):
        assert lookup.is_pending(revision, ("a", "many"))
    await run_event_loop()
    assert hub.asked == ["of-a/0", "of-a/1", "of-a/2"]
    assert lookup.is_pending(models("of-b", 1)[0], ("b", "x"))
    await run_event_loop()
    assert hub.asked[3:] == ["of-b/0"], "one request is left to other namespaces"
    # What another namespace has queued already is asked for when the first that needs it is served.
    shared = models("of-a", 500)[-1]
    assert lookup.is_pending(shared, ("c", "y"))
    for _ in range(2):
        hub.answer("a" * 40)
        await run_event_loop()
    assert hub.asked[4:] == ["of-a/3", "of-a/499"]
    for _ in range(4):
        hub.answer("a" * 40)
        await run_event_loop()
    assert ("b", "x") in resolved and resolved.count(("c", "y")) == 1
    assert lookup.commit(shared) == "a" * 40
    for _ in range(501 - 6):
        hub.answer("a" * 40)
        await run_event_loop()
    assert len(hub.asked) == len(set(hub.asked)) == 501, "nothing is asked for twice"


async def test_waiting_in_the_queue_is_no_silence_of_the_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The deadline holds from the request on, and requests that were answered are no silence."""
    hub, limits = ManualHub(monkeypatch), []
    timeout = asyncio.timeout

    def counted(seconds: float | None) -> asyncio.Timeout:
        limits.append(seconds)
        return timeout(None)

    monkeypatch.setattr(asyncio, "timeout", counted)
    lookup = CommitLookup("http://hub", lambda _: None)
    for revision in models("some", 500):
        assert lookup.is_pending(revision, KEY)
    await run_event_loop()
    for _ in range(100):
        assert len(limits) == len(hub.asked), "a look-up that waits in the queue has no deadline"
        hub.answer("a" * 40)
        await run_event_loop()
    assert lookup.is_pending(("models", "another/model", "main"), KEY), "the hub is not silent"


class NoObjects:
    """A stand-in for the API client of a cluster without objects; claims exist."""

    async def get(self, resource: Any, namespace: str | None, name: str) -> dict[str, Any] | None:
        return {"metadata": {"name": name}} if resource.plural == "persistentvolumeclaims" else None

    async def list(self, *_: Any) -> AsyncIterator[dict[str, Any]]:
        for _one in ():
            yield {}


@pytest.mark.parametrize("suspended", [False, True])
async def test_a_pass_does_not_wait_for_the_hub_and_a_suspended_job_does_not_request_it(
    suspended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = asyncio.Event()
    monkeypatch.setattr(commit_lookup, "DEADLINE_SECONDS", 0.3)
    async with silent_hub() as (address, made):
        cluster: Any = NoObjects()
        stores, dependents = ObjectStores(), DependentsIndex()
        inspections = InspectionCache(
            cluster, stores, address, dependents, lambda _: resolved.set()
        )
        locks = OutputLockIndex(cluster, dependents)
        reader = StateReader(cluster, stores, Policy(), inspections, locks, dependents)
        asking = job(model={"repo": "tiny/chat"}, dataset={"repo": "tiny/pairs"}, suspend=suspended)
        snapshot = await reader.read(asking)
        assert snapshot.lookup_pending is not suspended
        assert not made, "the connection is made beside the pass"
        if suspended:
            assert not inspections._commits._lookups
            return
        async with asyncio.timeout(LIMIT):
            await resolved.wait()
            while (
                await reader.read(asking)
            ).lookup_pending:  # that of the other repository is in flight
                await asyncio.sleep(0.01)


def test_inspection_begins_when_the_look_up_has_ended() -> None:
    snapshot = build_snapshot(lookup_pending=True)
    waits = decide(snapshot, NOW)
    assert isinstance(waits, Decision) and waits.status.inspection is None
    assert waits.requeue_after is not None
    begins = decide(replace(snapshot, lookup_pending=False), NOW)
    assert isinstance(begins, Decision) and begins.status.inspection is not None


def test_a_job_that_another_holds_back_is_not_inspected() -> None:
    held = decide(build_snapshot(output_holder=OutputHolder("a", "m/x")), NOW)
    assert isinstance(held, Decision) and held.status.inspection is None


async def test_a_revision_stays_one_part_of_the_requested_path() -> None:
    asked: list[str] = []
    resolved = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"sha": "a" * 40})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    # The status may hold a revision that an earlier version of the schema accepted.
    revision = ("models", "tiny/chat", "../../admin/delete?all=1#")
    async with TestServer(application) as hub:
        lookup = CommitLookup(str(hub.make_url("")).rstrip("/"), lambda _: resolved.set())
        assert lookup.is_pending(revision, KEY)
        await resolved.wait()
    assert lookup.commit(revision) == "a" * 40
    assert asked == ["/api/models/tiny/chat/revision/..%2F..%2Fadmin%2Fdelete%3Fall=1%23"]
