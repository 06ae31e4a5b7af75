"""A job trains in a namespace that denies ingress: what the operator shows until its policy is applied, and at the end.

The operator runs whole, on an API server in memory. Pods are read through the API server's proxy, to which a
NetworkPolicy applies as to the operator's own connections.
"""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.kit.operator.operated_cluster import (
    BATCH_SECONDS,
    Operated,
    of_a_sweep,
    operated,
    training_job,
)
from tests.kit.operator_fixture import succeeded

from dpojob_api.base import JSONObject
from dpojob_operator.controllers.dpojob import progress_poller, reconciler
from dpojob_operator.kube.resources import DPOJOBS

MINUTES = 3
"""Longer than a pod may be silent, with the back-off of its readings."""


@pytest.fixture(autouse=True)
def loop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read of pods, and when it is written, is measured by the event loop's time, which the tests set."""
    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    for module in (progress_poller, reconciler):
        monkeypatch.setattr(module, "time", clock)


async def trains_unreached(found: Operated) -> tuple[JSONObject, JSONObject]:
    """The Job and the pod of a job `x` that has trained for minutes and was never reached."""
    cluster = found.cluster
    cluster.put(DPOJOBS, of_a_sweep("x"))
    await found.after()
    job = training_job(cluster, "x")
    pod = cluster.run_pod(cluster.start_pod(job))
    await found.after(BATCH_SECONDS)
    await pass_minutes(found)
    return job, pod


async def pass_minutes(found: Operated) -> None:
    for _ in range(MINUTES * 6):
        await found.after(10)


def status(found: Operated) -> dict[str, Any]:
    (job,) = (j for j in found.cluster.objects(DPOJOBS) if j["metadata"]["name"] == "x")
    return dict(job["status"])


def ready(found: Operated) -> tuple[str, str]:
    (condition,) = (c for c in status(found)["conditions"] if c["type"] == "Ready")
    return condition["reason"], condition["message"]


def unreachable() -> float | None:
    labels = {"namespace": "ns", "name": "x"}
    return REGISTRY.get_sample_value("dpojob_training_unreachable", labels)


async def test_a_job_that_cannot_be_reached_says_so_with_the_policy_for_its_pods() -> None:
    async with operated() as found:
        _, pod = await trains_unreached(found)
        reason, message = ready(found)
        assert (reason, unreachable()) == ("ProgressUnreachable", 1)
        assert "training goes on, its log has the figures" in message
        policy = json.loads(message.partition("<<< '")[2].partition("'")[0])
        selected = policy["spec"]["podSelector"]["matchLabels"]
        assert selected.items() <= pod["metadata"]["labels"].items()
        assert status(found)["attempts"][0]["gpuSeconds"] is not None


async def test_once_the_policy_is_applied_the_figures_are_live_again() -> None:
    async with operated() as found:
        await trains_unreached(found)
        assert "step" not in (status(found).get("progress") or {})
        found.cluster.progress = {"step": 40, "maxSteps": 123, "margin": 0.5}
        await pass_minutes(found)
        assert (ready(found)[0], unreachable()) == ("Training", 0)
        assert status(found)["progress"]["step"] == 40


async def test_a_job_that_was_never_reached_ends_with_all_its_figures() -> None:
    async with operated() as found:
        job, pod = await trains_unreached(found)
        found.cluster.run_pod(pod, succeeded())
        found.cluster.complete_job(job)
        await found.after(BATCH_SECONDS)
        assert (ready(found)[0], unreachable()) == ("Completed", None)
        figures = status(found)["progress"]
        assert (figures["step"], figures["margin"]) == (123, 1.25)
