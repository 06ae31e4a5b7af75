"""Which job waits for the inspection of another, when several begin at once."""

from __future__ import annotations

from typing import Any

from tests.kit.builders import job
from tests.kit.operator.api_clients import FakeReader

from dpojob_api.job import DPOJob
from dpojob_operator.indexes import DependentsIndex, InspectionCache, ObjectStores

MODEL, DATA = "a" * 40, "d" * 40
SOURCES = {
    "model": {"repo": "tiny/chat", "revision": MODEL},
    "dataset": {"repo": "tiny/pairs", "revision": DATA},
}


def named(name: str, **spec: Any) -> DPOJob:
    made = job(None, **SOURCES, **spec)
    made.metadata |= {"name": name, "uid": f"uid-of-{name}", "resourceVersion": "1"}
    return made


async def waits(cache: InspectionCache, fake: FakeReader, which: DPOJob) -> str | None:
    fake.objects[which.name] = which.model_dump(mode="json", by_alias=True, exclude_none=True)
    _, shared = await cache.find_shared(which, which.spec)
    return None if shared is None else shared.name


async def test_of_two_new_jobs_only_one_waits_for_the_other() -> None:
    fake = FakeReader()
    cache = InspectionCache(fake, ObjectStores(), "", DependentsIndex(), lambda _: None)  # type: ignore[arg-type]
    one, two = named("one"), named("two")
    assert await waits(cache, fake, one) is None
    held = named("one", suspend=True)
    fake.objects["one"] = held.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert await waits(cache, fake, two) is None, "the first is suspended now"
    # It goes on before either has written a status; now each knows of the other.
    found = [await waits(cache, fake, which) for which in (one, two, one, two)]
    assert found == [None, "one", None, "one"]


async def test_a_job_that_cannot_be_parsed_is_skipped() -> None:
    fake = FakeReader()
    cache = InspectionCache(fake, ObjectStores(), "", DependentsIndex(), lambda _: None)  # type: ignore[arg-type]
    assert await waits(cache, fake, named("new")) is None
    fake.objects["new"]["spec"]["fieldOfTomorrow"] = 1
    _, shared = await cache.find_shared(named("old"), named("old").spec)
    assert shared is None


async def test_deleted_jobs_are_removed() -> None:
    fake = FakeReader()
    cache = InspectionCache(fake, ObjectStores(), "", DependentsIndex(), lambda _: None)  # type: ignore[arg-type]
    for number in range(3):
        one = named(f"job-{number}", training={"maxLength": 64 + number})
        await waits(cache, fake, one)
        key, _ = await cache.find_shared(one, one.spec)
        raw = {"metadata": one.metadata, "status": {"inspection": {"key": key}}}
        cache.record(raw)
        cache.record(raw, deleted=True)
    assert not cache._by_key
