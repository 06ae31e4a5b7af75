"""Scenarios of two jobs with one output directory, one after the other."""

from __future__ import annotations

from tests.faults.environment.fixture import RunEnvironment
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity

from .scenario import (
    TUNED,
    Scenario,
    all_succeed,
    deleted,
    first_attempt_runs_until_deleted,
    recreated,
    wait_until_no_orphans,
)


async def _one_output(env: RunEnvironment) -> None:
    await env.create_claim("models")
    await env.create("first", TUNED)
    await env.until("the first trains", lambda: env.trains("first"))
    await env.create("second", TUNED)
    await env.wait_until_finished("second")
    await deleted(env, "first")
    await wait_until_no_orphans(env)


async def _replaced(env: RunEnvironment) -> None:
    await env.create_claim("models")
    await recreated(env, TUNED)


async def _another_follows(env: RunEnvironment) -> None:
    """A job of another name writes where a deleted one's pod still saves."""
    await env.create_claim("models")
    await env.create("first", TUNED)
    await env.until("the first trains", lambda: env.trains("first"))
    await deleted(env, "first")
    await env.create("second", TUNED)
    await env.wait_until_finished("second")
    await wait_until_no_orphans(env)


def _first_saves_for_long(identity: PodIdentity) -> PodBehavior:
    holds = identity.stage == "train" and identity.incarnation == 1
    return PodBehavior(until_deleted=True, shutdown_seconds=8.0) if holds else all_succeed(identity)


def _deleted_saves_for_long(identity: PodIdentity) -> PodBehavior:
    holds = identity.stage == "train" and identity.job == "first"
    return PodBehavior(until_deleted=True, shutdown_seconds=8.0) if holds else all_succeed(identity)


OUTPUT_DIRECTORIES = (
    Scenario(
        "one-output", _one_output, first_attempt_runs_until_deleted, {"second": "OutputOccupied"}
    ),
    Scenario("replaced", _replaced, _first_saves_for_long, {"job": "Completed"}),
    Scenario("another-follows", _another_follows, _deleted_saves_for_long, {"second": "Completed"}),
)
"""Part of the catalogue."""
