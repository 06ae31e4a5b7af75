"""The checked-in CRDs are what the models say, and the chart carries the same files."""

import pytest
import yaml
from tests.kit.repository import ROOT

from dpojob_api import crd
from dpojob_api.crd.yaml_writer import to_yaml


@pytest.mark.parametrize("directory", ["crds", "charts/dpojob/files/crds"])
@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("dpojobs", crd.dpojob_crd()),
        ("gpupools", crd.gpupool_crd()),
        ("costquotas", crd.costquota_crd()),
    ],
)
def test_checked_in_crd_is_current(directory, name, document):
    assert yaml.safe_load((ROOT / directory / f"{name}.yaml").read_text()) == document


def test_kubectl_and_helm_read_every_key_as_text():
    """They read YAML 1.1, where `n: ` without quotes is a key `false`, which the API server then serves."""
    keys = ["n", "Y", "off", "true", "null", "3", "name", "x-y"]
    written = to_yaml(dict.fromkeys(keys, 1))
    assert written.splitlines() == [
        '"n": 1', '"Y": 1', '"off": 1', '"true": 1', '"null": 1', '"3": 1', "name: 1", "x-y: 1",
    ]  # fmt: skip
    assert '"n":' in (ROOT / "crds/dpojobs.yaml").read_text()


def fields_without_description(schema, path=""):
    for name, child in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        if "description" not in child:
            yield where
        yield from fields_without_description(child, where)
        yield from fields_without_description(child.get("items", {}), where + "[]")


@pytest.mark.parametrize(
    "document",
    [crd.dpojob_crd(), crd.gpupool_crd(), crd.costquota_crd()],
    ids=["DPOJob", "GPUPool", "CostQuota"],
)
def test_every_field_a_user_writes_has_a_description(document):
    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(fields_without_description(schema["properties"]["spec"], "spec")) == []


@pytest.mark.parametrize(
    "document",
    [crd.dpojob_crd(), crd.gpupool_crd(), crd.costquota_crd()],
    ids=["DPOJob", "GPUPool", "CostQuota"],
)
def test_conditions_are_a_map_by_type(document):
    status = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
