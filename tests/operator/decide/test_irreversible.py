"""Which decisions are made again from live reads."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import NOW, training_status

from dpojob_api.job import Attempt, ChildJob
from dpojob_api.status_condition import Condition
from dpojob_operator.decide import (
    Action,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    is_irreversible,
)


@pytest.mark.parametrize(
    ("changes", "actions", "irreversible"),
    [
        ({}, (), False),
        ({"phase": "Queued"}, (CreateTraining("x", 1),), False),
        ({}, (DeleteJob("x", "u"),), True),
        ({}, (DeleteSelf("u"),), True),
        ({"attempt": {"outcome": "Suspended"}}, (), True),
        ({"attempt": {"end_time": NOW}}, (), True),
        ({"attempt": {"gpu_seconds": 3.0}}, (), False),
        ({"new_attempt": {}}, (), False),
        ({"new_attempt": {"end_time": NOW}}, (), True),
        ({"finished": True}, (), True),
    ],
)
def test_only_what_cannot_be_taken_back_is_irreversible(
    changes: dict[str, Any], actions: tuple[Action, ...], irreversible: bool
) -> None:
    old = training_status()
    new = old.model_copy(deep=True)
    new.phase = changes.get("phase", new.phase)
    new.attempts[-1] = new.attempts[-1].model_copy(update=changes.get("attempt", {}))
    if "new_attempt" in changes:
        update = {"number": 2, "job": ChildJob(name="second"), **changes["new_attempt"]}
        new.attempts.append(Attempt.model_validate(old.attempts[-1].model_copy(update=update)))
    if changes.get("finished"):
        new.conditions.append(
            Condition(type="Finished", status="True", reason="X", last_transition_time=NOW)
        )
    assert is_irreversible(old, Decision(new, actions)) is irreversible
    assert not is_irreversible(new, Decision(new)), "what is written is no new end"
