"""The checked-in CRDs are what the models say, and the chart carries the same files."""

from pathlib import Path

import pytest
import yaml

from dpojob_api import crd

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("directory", ["crds", "charts/dpojob/crds"])
@pytest.mark.parametrize(
    ("name", "document"), [("dpojobs", crd.dpojob_crd()), ("gpupools", crd.gpupool_crd())]
)
def test_checked_in_crd_is_current(directory, name, document):
    assert yaml.safe_load((ROOT / directory / f"{name}.yaml").read_text()) == document


def fields_without_description(schema, path=""):
    for name, child in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        if "description" not in child:
            yield where
        yield from fields_without_description(child, where)
        yield from fields_without_description(child.get("items", {}), where + "[]")


@pytest.mark.parametrize(
    "document", [crd.dpojob_crd(), crd.gpupool_crd()], ids=["DPOJob", "GPUPool"]
)
def test_every_field_a_user_writes_has_a_description(document):
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(fields_without_description(schema["properties"]["spec"], "spec")) == []


@pytest.mark.parametrize(
    "document", [crd.dpojob_crd(), crd.gpupool_crd()], ids=["DPOJob", "GPUPool"]
)
def test_conditions_are_a_map_by_type(document):
    status = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
