"""An upgrade and a rollback: statuses of the first version, and of one to come, read by this one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from tests.kit.builders import UID, decide_until_stable
from tests.kit.operator.output_writers import holder, writer
from tests.kit.operator.recorded_jobs import PHASES, RECORDED, Recorded, status_schema

from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_operator.decide import Action, CreateClaim, CreateInspection, CreateTraining, DeleteJob
from dpojob_operator.decide.child_names import inspection_name, training_name

TOMORROW = "ValueOfTomorrow"
INSPECTION, TRAINING = inspection_name("x", UID), training_name("x", UID, 1)
NEXT: dict[str, tuple[Action, ...]] = {
    "inspecting-before-the-job-exists": (CreateInspection(INSPECTION),),
    "planned-before-the-job-exists": (
        CreateClaim("x-output", 2, shared=False),
        CreateTraining(TRAINING, 1),
    ),
    "being-suspended": (DeleteJob(TRAINING, f"uid-of-{TRAINING}"),),
}
"""What is still to be done in a phase; in the others nothing is."""
HOLD_NO_DIRECTORY = {"suspended-from-the-start", "waiting-for-a-job", "complete-after-validation"}


def contained(part: Any, whole: Any) -> bool:
    """Whether every field of `part` is in `whole`."""
    if isinstance(part, dict):
        return all(name in whole and contained(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(contained, part, whole))
    return bool(part == whole)


@PHASES
def test_nothing_of_an_earlier_status_is_lost(recorded: Recorded) -> None:
    read = DPOJobStatus.model_validate(recorded.status)
    assert contained(recorded.status, read.wire())


@pytest.mark.parametrize("phase", RECORDED)
def test_the_next_version_goes_on_where_the_earlier_one_stopped(phase: str) -> None:
    recorded = RECORDED[phase]
    decision = decide_until_stable(recorded.snapshot())
    assert decision.actions == NEXT.get(phase, ())
    after = decision.status.wire()
    assert after["phase"] == recorded.status["phase"]
    for name in ("inspection", "plan", "artifacts", "dataset", "completionTime"):
        assert contained(recorded.status.get(name), after.get(name)), name
    before, now = (status.get("attempts", []) for status in (recorded.status, after))
    assert [attempt["job"] for attempt in now] == [attempt["job"] for attempt in before]


@PHASES
async def test_a_job_of_an_earlier_version_keeps_its_output_directory(recorded: Recorded) -> None:
    holds = not recorded.is_finished and not HOLD_NO_DIRECTORY & {
        name for name, each in RECORDED.items() if each is recorded
    }
    older = writer("b", recorded.status, **recorded.spec)
    found = await holder(writer("a", {"inspection": {"name": "i"}}), older)
    trains = bool(recorded.status.get("attempts"))
    assert (found is not None) is (holds and trains)
    found = await holder(writer("c"), older)
    assert (found is not None) is holds


def with_unknown_fields(value: Any) -> Any:
    """The value with one more field in each of its objects that have fixed fields."""
    if isinstance(value, list):
        return [with_unknown_fields(each) for each in value]
    if not isinstance(value, dict):
        return value
    free = {"podSeconds", "parts", "dropped", "evalDropped", "mapping"}
    made = {
        name: each if name in free else with_unknown_fields(each) for name, each in value.items()
    }
    return {**made, "fieldOfTomorrow": {"a": [1]}}


@PHASES
def test_unknown_fields_of_a_later_status_change_nothing(recorded: Recorded) -> None:
    later = with_unknown_fields(recorded.status)
    known = decide_until_stable(recorded.snapshot())
    found = decide_until_stable(recorded.snapshot(later))
    assert found.actions == known.actions
    assert found.status.wire() == known.status.wire()


def enumerated(schema: dict[str, Any], value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The paths in a status to the values that its schema enumerates."""
    if "enum" in schema and value is not None:
        yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from enumerated(schema.get("properties", {}).get(name, {}), each, (*path, name))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from enumerated(schema.get("items", {}), each, (*path, index))


@PHASES
def test_an_unknown_value_of_a_later_status_starts_and_ends_nothing(recorded: Recorded) -> None:
    """It is either of no consequence, or the job is reported as unreadable and left alone."""
    known = decide_until_stable(recorded.snapshot())
    paths = list(enumerated(status_schema(), recorded.status))
    assert paths
    for path in paths:
        later = copy.deepcopy(recorded.status)
        place: Any = later
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = TOMORROW
        try:
            DPOJobStatus.model_validate(later)
        except ValidationError:
            continue
        found = decide_until_stable(recorded.snapshot(later))
        assert found.actions == known.actions, path


@PHASES
def test_an_unknown_condition_and_reason_of_a_later_status_stay(recorded: Recorded) -> None:
    later = copy.deepcopy(recorded.status)
    extra = {**later["conditions"][0], "type": "ConditionOfTomorrow", "reason": TOMORROW}
    later["conditions"].append(extra)
    assert DPOJob.model_validate(recorded.snapshot(later).job.model_dump(by_alias=True))
    found = decide_until_stable(recorded.snapshot(later))
    assert found.actions == decide_until_stable(recorded.snapshot()).actions
    condition = found.status.condition("ConditionOfTomorrow")
    assert condition is not None and condition.reason == TOMORROW
