"""The specs of the harness's sequences of edits, generated from the CRD."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from tests.kit.repository import ROOT

from . import specs


def spec_schema() -> dict[str, Any]:
    (crd,) = yaml.safe_load_all((ROOT / "crds/dpojobs.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema["properties"]["spec"]


@pytest.mark.parametrize("path", [(), ("training", "arguments"), ("dataset", "columnMapping")])
def test_generated_values_fit_the_schema(path: tuple[str, ...]) -> None:
    schema = spec_schema()
    for name in path:
        schema = schema["properties"][name]

    @settings(max_examples=5, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        value = data.draw(specs.from_schema(schema))
        assert [error.message for error in Draft4Validator(schema).iter_errors(value)] == []

    check()
