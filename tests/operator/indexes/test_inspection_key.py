"""One inspection is shared by all jobs with the same model, dataset and settings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from tests.kit.builders import job
from tests.kit.operator_fixture import REPORT, JobNamespace, Process
from tests.kit.waiting import LIMIT

from dpojob_api.spec import DPOJobSpec
from dpojob_operator.indexes import DependentsIndex, InspectionCache, ObjectStores
from dpojob_operator.indexes.inspection_key import hub_repositories, inspection_key

MODEL, DATA, MOVED = "a" * 40, "d" * 40, "e" * 40


def spec(**training: Any) -> DPOJobSpec:
    return DPOJobSpec.model_validate(
        {
            "model": {"repo": "tiny/chat", "revision": MODEL},
            "dataset": {"repo": "tiny/pairs", "revision": DATA},
            "training": training,
        }
    )


def test_a_sweep_has_one_key_and_fields_that_inspection_reads_change_it() -> None:
    base = inspection_key(spec(), MODEL, DATA)
    for same in ({"learningRate": 1e-6}, {"beta": 0.5}, {"epochs": 2}, {"seed": 1}):
        assert inspection_key(spec(**same), MODEL, DATA) == base
    for other in ({"maxLength": 512}, {"arguments": {"loss_type": "ipo"}}):
        assert inspection_key(spec(**other), MODEL, DATA) != base
    assert inspection_key(spec(), MODEL, MOVED) != base
    mapped = spec()
    mapped.dataset.column_mapping.chosen = "good"
    assert inspection_key(mapped, MODEL, DATA) != base
    tracked = DPOJobSpec.model_validate(spec().wire() | {"environmentSecret": {"name": "wandb"}})
    assert inspection_key(tracked, MODEL, DATA) != base
    judged = spec().wire() | {"evaluation": {"judge": {"rewardModel": {"repo": "tiny/reward"}}}}
    keys = {
        inspection_key(DPOJobSpec.model_validate(judged | more), MODEL, DATA)
        for more in ({}, {"evaluation": judged["evaluation"] | {"maxDuration": "5m"}})
    }
    assert len(keys) == 1 and base not in keys
    fewer = {"evaluation": judged["evaluation"] | {"everyEval": True}}
    assert inspection_key(DPOJobSpec.model_validate(judged | fewer), MODEL, DATA) not in keys
    tasks = spec().wire() | {"evaluation": {"tasks": [{"name": "ifeval"}]}}
    assert inspection_key(DPOJobSpec.model_validate(tasks), MODEL, DATA) not in {base, *keys}


@pytest.mark.parametrize(
    "source",
    [{"volume": {"claimName": "c"}}, {"urls": ["https://example.org/d.jsonl"]}],
)
def test_sources_without_a_revision_are_never_shared(source: dict[str, Any]) -> None:
    unsure = spec().wire() | {"dataset": source}
    assert hub_repositories(DPOJobSpec.model_validate(unsure)) is None


class Hub:
    """A hub that resolves branches to commits; the branch of the dataset can move."""

    def __init__(self) -> None:
        self.commit = DATA

    async def revision(self, request: web.Request) -> web.Response:
        sha = MODEL if request.match_info["kind"] == "models" else self.commit
        return web.json_response({"sha": sha})


@pytest.fixture
async def hub() -> Any:
    made = Hub()
    app = web.Application()
    app.router.add_get("/api/{kind}/{owner}/{name}/revision/{revision}", made.revision)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"  # type: ignore[attr-defined]
    yield made
    await runner.cleanup()


def report(dataset: str) -> dict[str, Any]:
    return {**REPORT, "revision": dataset, "model": {**REPORT["model"], "revision": MODEL}}


@pytest.mark.parametrize("settings", [{"WORKERS": "4"}])
@pytest.mark.cluster
def test_a_sweep_inspects_once_and_a_moved_branch_again(
    job_namespace: JobNamespace, operator: Process
) -> None:
    def sweep(name: str, commit: str, **training: Any) -> None:
        job_namespace.job(
            name,
            model={"repo": "tiny/chat", "revision": MODEL},
            dataset={"repo": "tiny/pairs", "revision": commit},
            training=training,
            validateOnly=True,
        )

    job_namespace.job("warm")  # so that all of the sweep is there before the operator looks
    for number in range(4):
        sweep(f"sweep-{number}", DATA, learningRate=1e-6 * (number + 1))
    job_namespace.until("one inspects", lambda: inspections(job_namespace, "sweep-"))
    (first,) = job_namespace.until("only one", lambda: inspections(job_namespace, "sweep-"))
    job_namespace.inspected(first, report(DATA))
    for number in range(4):
        job_namespace.until_condition(f"sweep-{number}", "Complete", "Validated")
    assert inspections(job_namespace, "sweep-") == [first]
    shared = [job_namespace.condition(f"sweep-{n}", "DatasetValid")[2] for n in range(4)]
    assert sum(f"shared with DPOJob {first}" in message for message in shared) == 3
    sweep("moved", MOVED)
    job_namespace.inspected("moved", report(MOVED))
    job_namespace.until_condition("moved", "Complete", "Validated")


def inspections(job_namespace: JobNamespace, prefix: str) -> list[str]:
    found = job_namespace.list("jobs", stage="inspect")
    names = [job["metadata"]["labels"]["dpojob.dev/job"] for job in found]
    return [name for name in names if name.startswith(prefix)]


async def test_a_branch_is_resolved_and_its_move_noticed(hub: Any) -> None:
    asking = job(model={"repo": "tiny/chat"}, dataset={"repo": "tiny/pairs"})

    async def key_by(endpoint: str) -> str | None:
        ended = asyncio.Event()
        cluster: Any = None  # no other jobs
        cache = InspectionCache(
            cluster, ObjectStores(), endpoint, DependentsIndex(), lambda _: ended.set()
        )
        assert cache.is_pending(asking, asking.spec), "the look-up runs beside the caller"
        while cache.is_pending(asking, asking.spec):
            await asyncio.wait_for(ended.wait(), LIMIT)
            ended.clear()
        return (await cache.find_shared(asking, asking.spec))[0]

    first = await key_by(hub.address)
    assert first is not None and first == await key_by(hub.address)
    hub.commit = MOVED
    assert await key_by(hub.address) not in (None, first)
    assert await key_by("http://127.0.0.1:1") is None
