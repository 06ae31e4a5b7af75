"""The schema of the chart's values: it has every value, and refuses other names and other kinds of value."""

import copy
import json

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.kit.cluster.helm import CHART

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OF_EVERY_KIND = (None, True, -1.5, "no such value!", [["x"]], {"no": {"such": 1}})


def paths(values, path=()):
    for name, value in values.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from paths(value, (*path, name))


def replaced(path, value):
    """The chart's values with another value at a path."""
    found = copy.deepcopy(VALUES)
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return found


@pytest.mark.parametrize("path", [*paths(VALUES)], ids=".".join)
def test_a_value_takes_its_own_kind_alone(path):
    validator = Draft7Validator(SCHEMA)
    assert validator.is_valid(VALUES)
    taken = [value for value in OF_EVERY_KIND if validator.is_valid(replaced(path, value))]
    assert len(taken) <= 1, taken


def test_every_value_is_in_the_schema_and_has_a_meaning():
    known = SCHEMA["properties"]
    assert set(VALUES) == set(known) - {"global"}
    for name, value in VALUES.items():
        if known[name].get("additionalProperties") is False:
            assert set(value) == set(known[name]["properties"]), name
    rows = [
        line for line in (CHART / "README.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert rows
    for row in rows:
        assert row.rstrip("| ").count(" | ") == 2, f"{row} has no meaning"


def test_the_schema_leaves_only_objects_of_kubernetes_open():
    """A misspelt name is refused at every depth; the API server checks what it knows better."""

    def open_objects(schema, path=""):
        if schema.get("type") == "object" and "additionalProperties" not in schema:
            yield path
        for name, child in schema.get("properties", {}).items():
            yield from open_objects(child, f"{path}.{name}")
        for child in filter(None, [schema.get("items"), *schema.get("oneOf", [])]):
            yield from open_objects(child, path)

    assert {path.lstrip(".") for path in open_objects(SCHEMA)} == {
        "global", "pools.spec", "inspect.resources.claims", "train.resources.claims",
        "operator.resources.claims", "operator.tolerations", "operator.affinity",
        "operator.topologySpreadConstraints", "networkPolicy.metricsFrom", "networkPolicy.jobEgress",
    }  # fmt: skip
