from typing import Any

import pytest

from dpojob_api.spec import DPOJobSpec

TASK = {"name": "own", "volume": {"claimName": "tasks", "path": "own.yaml"}}
JUDGE = {"rewardModel": {"volume": {"claimName": "judges", "path": "rm"}}}
PROMPTS = {"volume": {"claimName": "prompts", "path": "p.jsonl"}}


def spec(**fields: Any) -> DPOJobSpec:
    return DPOJobSpec.model_validate(
        {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}, "output": {"push": "e/f"}} | fields
    )


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, False),
        ({"output": {}}, True),
        ({"output": {"push": "e/f", "volume": {"claimName": "models"}}}, True),
        ({"evaluation": {"judge": JUDGE}}, True),
        ({"evaluation": {"judge": JUDGE, "require": {"winRate": "0.6"}}}, True),
    ],
)
def test_a_pushed_model_is_kept_where_it_is_evaluated(fields: dict[str, Any], kept: bool) -> None:
    assert spec(**fields).output_is_kept is kept


def test_volumes_of_the_evaluation_are_named_by_their_fields() -> None:
    assert spec().evaluation_volumes == {}
    evaluation = {"prompts": PROMPTS, "judge": JUDGE, "tasks": [TASK, {"name": "ifeval"}]}
    volumes = spec(evaluation=evaluation).evaluation_volumes
    assert {field: place.claim_name for field, place in volumes.items()} == {
        "evaluation.prompts.volume": "prompts",
        "evaluation.judge.rewardModel.volume": "judges",
        "evaluation.tasks.own.volume": "tasks",
    }
