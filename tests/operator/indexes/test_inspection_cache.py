"""Who waits for whose inspection, when several begin at once."""

from __future__ import annotations

from typing import Any

from tests.kit.builders import job

from dpojob_api.job import DPOJob
from dpojob_operator.indexes import DependentsIndex, InspectionCache

MODEL, DATA = "a" * 40, "d" * 40
SOURCES = {
    "model": {"repo": "tiny/chat", "revision": MODEL},
    "dataset": {"repo": "tiny/pairs", "revision": DATA},
}


class Shelf:
    """What a live read gives: the objects put here."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    async def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get(name)


def named(name: str, **spec: Any) -> DPOJob:
    made = job(None, **SOURCES, **spec)
    made.metadata |= {"name": name, "uid": f"uid-of-{name}"}
    return made


async def waits(peers: InspectionCache, shelf: Shelf, which: DPOJob) -> str | None:
    shelf.objects[which.name] = which.model_dump(mode="json", by_alias=True, exclude_none=True)
    _, shared = await peers.find_shared(which, which.spec)
    return None if shared is None else shared.name


async def test_of_two_that_have_begun_nothing_only_one_waits() -> None:
    shelf = Shelf()
    peers = InspectionCache(shelf, "", DependentsIndex())  # type: ignore[arg-type]
    one, two = named("one"), named("two")
    assert await waits(peers, shelf, one) is None
    held = named("one", suspend=True)
    shelf.objects["one"] = held.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert await waits(peers, shelf, two) is None, "the first is suspended now"
    # It goes on before either has written a status; now each knows of the other.
    found = [await waits(peers, shelf, which) for which in (one, two, one, two)]
    assert found == [None, "one", None, "one"]


async def test_one_that_cannot_be_read_is_passed_over() -> None:
    shelf = Shelf()
    peers = InspectionCache(shelf, "", DependentsIndex())  # type: ignore[arg-type]
    assert await waits(peers, shelf, named("new")) is None
    shelf.objects["new"]["spec"]["fieldOfTomorrow"] = 1
    _, shared = await peers.find_shared(named("old"), named("old").spec)
    assert shared is None


async def test_nothing_is_remembered_of_those_that_are_gone() -> None:
    shelf = Shelf()
    peers = InspectionCache(shelf, "", DependentsIndex())  # type: ignore[arg-type]
    for number in range(3):
        one = named(f"job-{number}", training={"maxLength": 64 + number})
        await waits(peers, shelf, one)
        key, _ = await peers.find_shared(one, one.spec)
        raw = {"metadata": one.metadata, "status": {"inspection": {"key": key}}}
        peers.record(raw)
        peers.record(raw, deleted=True)
    assert not peers._by_key
