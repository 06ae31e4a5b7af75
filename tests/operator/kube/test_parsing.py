"""An object that cannot be parsed is named, with the field and why."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.kit.operator.cost_quotas import costquota

from dpojob_api.cost_quota import CostQuota
from dpojob_api.job import DPOJob
from dpojob_operator.kube import UnreadableObject, parse_or_explain, unreadable_part


def test_what_cannot_be_read_is_named_with_its_part() -> None:
    for part, where in (("spec", "spec.model"), ("status", "status.attempts")):
        raw = {"spec": {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}}}
        _, field = where.split(".")
        raw |= {part: {**raw.get(part, {}), field: 5}}
        with pytest.raises(ValidationError) as caught:
            DPOJob.model_validate(raw)
        found, problem = unreadable_part(caught.value)
        assert found == part and problem.startswith(f"{where}: ")


def edited(generation: int, **spec: Any) -> dict[str, Any]:
    raw = costquota("team", "100")
    metadata = {**raw["metadata"], "generation": generation}
    return {**raw, "metadata": metadata, "spec": {**raw["spec"], **spec}}


def test_an_object_is_parsed_or_explained() -> None:
    assert isinstance(parse_or_explain(CostQuota, edited(3)), CostQuota)
    raw = edited(4, maxCost=[])
    found = parse_or_explain(CostQuota, raw)
    assert isinstance(found, UnreadableObject)
    assert (found.name, found.generation, found.raw) == ("team", 4, raw)
    assert found.problem.startswith("spec.maxCost")


def test_an_unreadable_object_differs_only_by_an_edit_of_its_spec() -> None:
    first = parse_or_explain(CostQuota, edited(4, maxCost=[]))
    assert first == parse_or_explain(CostQuota, {**edited(4, maxCost=[]), "status": {"x": 1}})
    assert first != parse_or_explain(CostQuota, edited(5, maxCost=[]))
