"""A job that names no cache gets the one that the installation has for its namespace."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import FixedClock, job

from dpojob_api.job import DPOJob
from dpojob_operator.controllers.dpojob import Reconciler, StateReader
from dpojob_operator.decide.effective_spec import claims_mounted, with_default_cache
from dpojob_operator.indexes import DependentsIndex
from dpojob_operator.kube import ApiError

CLAIMS = {"ns": "dpo-cache", "other": "their-cache"}
OWN = {"cache": {"volume": {"claimName": "mine", "path": "dpo"}}}


class Read(ApiError):
    """Ends the pass once the job was read, as a request that fails does."""


class Reader(StateReader):
    """Reads one object, and keeps what it is asked to read more about."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.jobs: list[DPOJob] = []

    async def read_job(self, key: Any, *, live: bool) -> dict[str, Any]:
        return self.raw

    async def read(self, job: DPOJob, *, live: bool = False) -> Any:
        self.jobs.append(job)
        raise Read(0, "its children are read")


@pytest.mark.parametrize(
    ("spec", "claims", "expected"),
    [
        ({}, CLAIMS, "dpo-cache"),
        ({}, {"other": "their-cache"}, None),
        ({}, {}, None),
        (OWN, CLAIMS, "mine"),
    ],
)
async def test_every_decision_is_about_the_job_with_its_cache(
    spec: dict[str, Any], claims: dict[str, str], expected: str | None
) -> None:
    raw = job(**spec).model_dump(mode="json", by_alias=True, exclude_none=True)
    reader, unused = Reader(raw), None
    reconciler: Any = Reconciler(
        unused, reader, unused, unused, DependentsIndex(), unused, FixedClock(), claims, 0.0
    )  # type: ignore[arg-type]
    with pytest.raises(Read):
        await reconciler.reconcile(("ns", "x"))
    (read,) = reader.jobs
    cache = read.spec.cache
    assert (None if cache is None else cache.volume.claim_name) == expected
    if expected is not None:
        assert claims_mounted(read.spec, None)[expected] is False


def test_the_user_s_object_stays_as_it_is() -> None:
    written = job()
    assert with_default_cache(written, CLAIMS).spec.cache is not None
    assert written.spec.cache is None
