"""DPOJobs that write to one output directory, and which of them holds it."""

from __future__ import annotations

from typing import Any

from tests.kit.builders import job
from tests.kit.operator.api_clients import FakeReader

from dpojob_api.job import DPOJob
from dpojob_operator.decide import OutputHolder
from dpojob_operator.indexes import DependentsIndex, OutputLockIndex

TUNED = {"volume": {"claimName": "models", "path": "tuned"}}


def writer(name: str, status: dict[str, Any] | None = None, **spec: Any) -> DPOJob:
    """A DPOJob that is the older, the earlier its name is in the alphabet."""
    made = job(status, **{"output": TUNED, **spec})
    created = f"2026-11-23T11:00:{ord(name[0]) - ord('a'):02}Z"
    made.metadata |= {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": created}
    return made


def wire(written: DPOJob) -> dict[str, Any]:
    return written.model_dump(mode="json", by_alias=True, exclude_none=True)


async def holder(asking: DPOJob, *others: DPOJob) -> OutputHolder | None:
    fake = FakeReader()
    index = OutputLockIndex(fake, DependentsIndex())  # type: ignore[arg-type]
    for one in (asking, *others):
        fake.objects[one.name] = wire(one)
        index.record(wire(one))
    return await index.find_holder(asking)
