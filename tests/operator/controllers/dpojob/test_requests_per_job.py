"""How many requests a DPOJob of a sweep takes from its creation to Complete, and how many sweeps share."""

from __future__ import annotations

from tests.kit.operator.operated_cluster import (
    BATCH_SECONDS,
    of_a_sweep,
    operated,
    phases,
    training_job,
)
from tests.kit.operator_fixture import succeeded

from dpojob_operator.kube.resources import DPOJOBS, PODS


async def test_a_job_that_starts_and_ends_takes_at_most_eight_requests() -> None:
    async with operated() as found:
        cluster = found.cluster
        cluster.put(DPOJOBS, of_a_sweep("x"))
        assert await found.taken() == {
            "list pods": 1,  # that an earlier job left in its output directory
            "update dpojobs/status": 1,  # the intent, with the report and the plan
            "create jobs": 1,
            "create events": 1,
        }
        job = training_job(cluster, "x")
        pod = cluster.run_pod(cluster.start_pod(job))
        assert await found.taken() == {}, "what its children do is collected"
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {"update dpojobs/status": 1}
        cluster.run_pod(pod, succeeded())
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {}, "the end of the Job follows"
        cluster.complete_job(job)
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {
            "list pods": 1,  # the end is decided from a live read
            "update dpojobs/status": 1,
            "create events": 1,
        }
        assert phases(cluster) == {"first": "Complete", "x": "Complete"}


async def test_the_jobs_of_a_sweep_share_live_lists_of_pods() -> None:
    async with operated() as found:
        names = [f"x{number}" for number in range(10)]
        for name in names:
            found.cluster.put(DPOJOBS, of_a_sweep(name))
        taken = await found.taken()
        assert (taken["create jobs"], taken["update dpojobs/status"]) == (10, 10)
        assert taken["list pods"] < 10


async def test_what_children_do_one_after_another_is_one_status_write() -> None:
    async with operated() as found:
        cluster = found.cluster
        cluster.put(DPOJOBS, of_a_sweep("x"))
        await found.taken()
        await found.after(0.8 * BATCH_SECONDS)
        pod = cluster.start_pod(training_job(cluster, "x"))
        await found.after(4 * BATCH_SECONDS)
        assert await found.taken() == {}, "neither scheduler nor kubelet said anything yet"
        no_node = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        cluster.put(PODS, {**pod, "status": {"phase": "Pending", "conditions": [no_node]}})
        await found.after(0.8 * BATCH_SECONDS)
        cluster.run_pod(pod)
        assert await found.taken() == {}
        await found.after(BATCH_SECONDS)
        assert await found.taken() == {"update dpojobs/status": 1}
