"""`decide` through any sequence of snapshots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.builders import (
    HASHES,
    NOW,
    POOLS,
    UID,
    build_snapshot,
    job,
    seen_again,
    training_status,
)
from tests.kit.operator.waits.documented_table import WAIT_PHASES
from tests.kit.operator_fixture import REPORT, failed, succeeded

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import (
    CreateInspection,
    CreateTraining,
    Decision,
    DependencySnapshot,
    PlanningRequest,
    Snapshot,
)
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot, PVCSnapshot
from dpojob_operator.decide.steps import decide, decide_with_pools
from dpojob_planner import PoolState

SPECS = st.fixed_dictionaries(
    {},
    optional={
        "suspend": st.booleans(),
        "validateOnly": st.booleans(),
        "budget": st.sampled_from([{}, {"maxCost": "1.00"}, {"maxDuration": "1m"}]),
        "hardware": st.sampled_from([{}, {"pool": "t4"}, {"pool": "none"}, {"gpus": 2}]),
        "output": st.sampled_from(
            [{}, {"push": "me/out"}, {"volume": {"claimName": "out", "path": "m"}}]
        ),
        "model": st.sampled_from(
            [{"repo": "tiny/chat"}, {"fromJob": {"name": "base"}},
             {"volume": {"claimName": "in", "path": ""}}]
        ),
        "ttlSecondsAfterFinished": st.sampled_from([0, 100]),
        "backoffLimit": st.sampled_from([0, 3]),
    },
)  # fmt: skip

TERMINATION_MESSAGES = st.sampled_from(
    [
        "", "Traceback", json.dumps(REPORT), json.dumps(succeeded()),
        json.dumps(failed("OutOfMemory", "m")), json.dumps({"valid": False, "reason": "X"}),
        json.dumps({"valid": False, "reason": "DatasetNotFound", "error": "gone"}),
    ]
)  # fmt: skip


STARTS = {"a": NOW - timedelta(hours=2), "b": NOW, "c": NOW}
"""A pod starts once, and does not end before it was last seen to run: its time is paid by that."""


@st.composite
def pods(draw: st.DrawFn, now: datetime) -> tuple[PodSnapshot, ...]:
    made = []
    for number in range(draw(st.integers(0, 2))):
        which = draw(st.sampled_from(sorted(STARTS)))
        started = draw(st.sampled_from([None, STARTS[which]]))
        over = started is not None and draw(st.booleans())
        made.append(
            PodSnapshot(
                name=f"p{number}",
                uid=f"{which}{number}",
                created=STARTS[which] - timedelta(minutes=1),
                scheduled=started is not None or draw(st.booleans()),
                unschedulable=draw(st.sampled_from(["", "no node"])),
                waiting_reason=draw(st.sampled_from(["", "CreateContainerConfigError"])),
                waiting_message='secret "hub" not found',
                started=started,
                finished=now if over else None,
                exit_code=draw(st.sampled_from([0, 1, 2, 10, 11, 12, 137])) if over else None,
                termination_message=draw(TERMINATION_MESSAGES) if over else "",
                eviction_message=draw(st.sampled_from(["", "ephemeral storage"])),
            )
        )
    return tuple(made)


@st.composite
def jobs(draw: st.DrawFn, name: str) -> JobSnapshot | None:
    if draw(st.integers(0, 5)) == 0:
        return None
    end = draw(st.sampled_from(["", "", "", "", "complete", "failed"]))
    return JobSnapshot(
        name=name,
        uid=draw(st.sampled_from([f"uid-of-{name}"] * 5 + ["other"])),
        owner=draw(st.sampled_from([UID] * 5 + ["another"])),
        suspended=draw(st.booleans()) and not end,
        deleting=draw(st.booleans()),
        failure_reason="BackoffLimitExceeded",
        ended=draw(st.sampled_from([None, NOW, NOW - timedelta(hours=1)])),
        pool_hash=draw(st.sampled_from([HASHES["t4"], "old"])),
        complete=end == "complete",
        failed=end == "failed",
    )


@given(data=st.data(), steps=st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_invariants_hold_through_any_sequence_of_snapshots(data: st.DataObject, steps: int) -> None:
    """Purity, a fixed point for constant input, and terminal conditions that stay."""
    spec = data.draw(SPECS)
    status = DPOJobStatus() if data.draw(st.integers(0, 2)) == 0 else training_status()
    now, first_seen = NOW, {}
    for _ in range(steps):
        spec = {**spec, "suspend": data.draw(st.booleans())}
        dependency = data.draw(
            st.sampled_from([DependencySnapshot(), DependencySnapshot(failed=True, failure="f"),
                             DependencySnapshot(complete=True, problem="none")])
        )  # fmt: skip
        snapshot = build_snapshot(
            status,
            spec_fields=spec,
            claims={name: PVCSnapshot(name) for name in ("in", "out")}
            if data.draw(st.booleans())
            else {},
            dependency=dependency,
            inspection=data.draw(jobs(status.inspection.name)) if status.inspection else None,
            inspection_pods=data.draw(pods(now)),
            training=data.draw(jobs(status.attempts[-1].job.name)) if status.attempts else None,
            training_pods=data.draw(pods(now)),
            refresh=data.draw(st.booleans()),
            first_seen=first_seen,
        )
        pools = data.draw(st.sampled_from([POOLS, POOLS, (), None]))
        before = snapshot.job.model_dump_json()
        decision = _decide(snapshot, pools, now)
        assert _decide(snapshot, pools, now) == decision
        assert snapshot.job.model_dump_json() == before, "decide changed its input"
        _check_step(status, decision)
        final = decision
        for _ in range(8):
            following = replace(seen_again(snapshot, final, now=now), job=job(final.status, **spec))
            again = _decide(following, pools, now)
            if again.status.wire() == final.status.wire():
                break
            _check_step(final.status, again)
            final = again
        else:
            raise AssertionError("the status never stops changing")
        status = final.status
        _check_documented(status)
        passed = data.draw(st.integers(0, 100))
        first_seen = seen_again(snapshot, final, passed, now).first_seen
        now += timedelta(seconds=passed)


def _decide(snapshot: Snapshot, pools: Sequence[PoolState] | None, now: datetime) -> Decision:
    """Without `pools`, as the controller does it: they are read only when they are asked for."""
    if pools is not None:
        return decide_with_pools(snapshot, pools, now)
    decision = decide(snapshot, now)
    if isinstance(decision, PlanningRequest):
        return decide_with_pools(snapshot, POOLS, now)
    return decision


def _check_documented(status: DPOJobStatus) -> None:
    """The tables of docs/operate.md have the phase and the reason of a job that has not ended."""
    ready = status.condition(ConditionType.READY)
    assert ready is not None
    if not status.is_true(ConditionType.FINISHED):
        assert (status.phase, ready.reason) in WAIT_PHASES


def _check_step(old: DPOJobStatus, decision: Decision) -> None:
    new = decision.status
    assert DPOJobStatus.model_validate(new.wire()).wire() == new.wire()
    if old.is_true(ConditionType.FINISHED):
        assert [c.wire() for c in old.conditions] == [c.wire() for c in new.conditions]
        assert new.phase == old.phase
        assert not any(isinstance(a, CreateTraining | CreateInspection) for a in decision.actions)
    ends = [new.is_true(ConditionType.COMPLETE), new.is_true(ConditionType.FAILED)]
    assert sum(ends) == int(new.is_true(ConditionType.FINISHED))
    assert new.phase in ("Complete", "Failed") or not any(ends)
    numbers = [attempt.number for attempt in new.attempts]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(attempt.end_time is not None for attempt in new.attempts[:-1])
    for earlier, later in zip(old.attempts, new.attempts, strict=False):
        assert earlier.job.name == later.job.name
        assert earlier.job.uid is None or earlier.job.uid == later.job.uid
        assert later.gpu_seconds >= earlier.gpu_seconds
    for action in decision.actions:
        if isinstance(action, CreateTraining):
            assert new.attempts[-1].job.name == action.name
            assert new.attempts[-1].job.uid is None
            assert new.plan is not None and new.is_true(ConditionType.DATASET_VALID)
    if any(ends) and new.attempts:
        assert new.attempts[-1].end_time is not None
