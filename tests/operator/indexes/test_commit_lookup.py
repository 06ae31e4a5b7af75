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

from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import Decision, OutputHolder, Policy
from dpojob_operator.decide.stages import decide
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    ObjectStores,
    OutputLockIndex,
    commit_lookup,
)
from dpojob_operator.indexes.commit_lookup import CommitLookup

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


async def test_look_ups_on_a_silent_hub_end_together_and_are_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The deadline holds for a look-up that waits for its turn, too."""
    monkeypatch.setattr(commit_lookup, "DEADLINE_SECONDS", 0.3)
    resolved: list[Any] = []
    async with silent_hub() as (address, made):
        lookup = CommitLookup(address, resolved.append)
        revisions = [("models", f"some/model-{number}", "main") for number in range(40)]
        assert all(lookup.is_pending(one, KEY) for one in revisions)
        while len(resolved) < len(revisions):
            await asyncio.sleep(0.01)
        # A place that is freed at the deadline may be taken just before the next look-up's own.
        assert len(made) <= 2 * commit_lookup.MAX_CONCURRENT
        before = len(made)
        assert not lookup.is_pending(revisions[0], KEY), "a failure is remembered"
        assert not lookup.is_pending(("models", "another/model", "main"), KEY), "the hub is silent"
        assert lookup.commit(revisions[0]) is None and len(made) == before


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
            await asyncio.sleep(0)
            assert not inspections._commits._tasks
            return
        await asyncio.wait_for(resolved.wait(), 30)
        while inspections._commits._tasks:
            await asyncio.sleep(0.01)
        assert not (await reader.read(asking)).lookup_pending, "it goes on without sharing"


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
