"""A rollback: what this version wrote, read by the first version.

`first_release_schema.json` holds the JSON schemas of that version's models (commit 344ff70), by which it read the spec
and the status of a DPOJob: `DPOJobSpec.model_json_schema()` and `DPOJobStatus.model_json_schema()`. Helm restores
that version's CRD with it, so that the API server drops the fields that its models do not have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.kit.builders import decide_until_stable
from tests.kit.operator.recorded_jobs import PHASES, Recorded, status_schema
from tests.kit.repository import ROOT

from dpojob_api.spec import DPOJobSpec

FIRST = json.loads(Path(__file__).with_name("first_release_schema.json").read_text())
"""The schemas by `spec` and `status`."""
MANIFESTS = sorted(
    path
    for path in (ROOT / "tests/api/manifests/accepted").glob("*.yaml")
    if "kind: DPOJob" in path.read_text()
)


def pruned(value: Any, schema: dict[str, Any], whole: dict[str, Any]) -> Any:
    """The value without the fields that a schema does not have, as the API server drops them."""
    schema = resolved(schema, whole)
    if isinstance(value, list):
        return [pruned(item, schema.get("items", {}), whole) for item in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    known = schema["properties"]
    return {name: pruned(each, known[name], whole) for name, each in value.items() if name in known}


def resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value that is not null, without references."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    reference = kinds[0].get("$ref")
    return kinds[0] if reference is None else whole["$defs"][reference.rpartition("/")[2]]


def is_readable(part: str, value: Any) -> bool:
    return Draft202012Validator(FIRST[part]).is_valid(value)


@PHASES
def test_the_first_version_reads_the_statuses_of_this_one(recorded: Recorded) -> None:
    status = decide_until_stable(recorded.snapshot()).status.wire()
    assert is_readable("status", pruned(status, FIRST["status"], FIRST["status"]))


@PHASES
def test_what_the_first_version_leaves_of_a_status_is_taken_over_again(recorded: Recorded) -> None:
    decision = decide_until_stable(recorded.snapshot())
    left = pruned(decision.status.wire(), FIRST["status"], FIRST["status"])
    again = decide_until_stable(recorded.snapshot(left))
    assert again.actions == decision.actions
    jobs = [[attempt.job for attempt in each.status.attempts] for each in (decision, again)]
    assert jobs[0] == jobs[1]


NEW_PROBLEM_CODES = {
    "AccidentalPrompt", "CuratedRows", "HeldOutFile", "NotPreference", "PromptInAnswer", "TemplateInText", "UnusableJudge",
    "UnusablePrompts", "UnusableTask", "UserTurnInAnswer", "WhiteSpacePair",
}  # fmt: skip
"""Codes of an inspection's report. The first version cannot read the status of a job that has one of them: it writes
nothing and creates nothing, and tries again ever more seldom."""


def test_of_all_values_that_this_version_enumerates_only_problems_are_unknown_to_the_first() -> (
    None
):
    found: dict[str, set[str]] = {}

    def compare(now: dict[str, Any], first: dict[str, Any], path: str) -> None:
        first = resolved(first, FIRST["status"])
        if "enum" in first and (new := set(now.get("enum", ())) - set(first["enum"])):
            found[path] = new
        for name, child in now.get("properties", {}).items():
            if name in first.get("properties", {}):
                compare(child, first["properties"][name], f"{path}.{name}")
        if "items" in now and "items" in first:
            compare(now["items"], first["items"], f"{path}[]")

    compare(status_schema(), FIRST["status"], "status")
    assert found == {"status.dataset.problems[].code": NEW_PROBLEM_CODES}


NEWER_FORMS = {"columns-of-other-layouts"}
"""Manifests with a newer form of a field that the first version has, which says `InvalidSpec` of them."""


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_the_first_version_reads_a_spec_without_newer_values(path: Path) -> None:
    """With the defaults that this version's CRD has written into it, of which the first version's CRD drops its own."""
    document = yaml.safe_load(path.read_text())
    spec = DPOJobSpec.model_validate(document["spec"]).wire()
    left = pruned(spec, FIRST["spec"], FIRST["spec"])
    assert is_readable("spec", left) is (path.stem not in NEWER_FORMS)
