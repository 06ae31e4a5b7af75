"""Every value of the chart, and every list of pools, before a real API server's dry run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cluster.helm import CHART, Helm
from tests.kit.documentation import documented_values
from tests.kit.repository import ROOT

from dpojob.input_files.yaml_loader import parse_documents

VALUE_SETS = yaml.safe_load((Path(__file__).parent / "value_sets.yaml").read_text())
POOL_LISTS = sorted((ROOT / "examples/pools").glob("*.yaml"))


def accepted(control_plane: Any, text: str) -> list[str]:
    """What the API server would create or change, by kind and name."""
    done = control_plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict",
        "-o", "name", "-f", "-", input=text, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(done.stdout).split()


def paths(values: dict[str, Any], prefix: str = "") -> set[str]:
    """The paths of the values in a values file, as the chart's README names them."""
    found = set()
    for name, value in values.items():
        path = f"{prefix}{name}"
        found.add(path)
        if isinstance(value, dict):
            found |= paths(value, f"{path}.")
    return found


@pytest.mark.cluster
@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_api_server_accepts_every_object(
    helm: Helm, control_plane: Any, namespace: str, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(VALUE_SETS[name]).replace("NAMESPACE", namespace))
    objects = accepted(control_plane, helm.template("--values", str(file), namespace=namespace))
    assert "deployment.apps/dpojob" in objects


def test_the_sets_hold_every_value_of_the_chart() -> None:
    documented = set(documented_values.defaults())
    assert documented and documented - set().union(*map(paths, VALUE_SETS.values())) == set()


@pytest.mark.cluster
def test_the_api_server_accepts_what_the_documentation_tells_people_to_install(
    helm: Helm, control_plane: Any, tmp_path: Path
) -> None:
    combinations = documented_values.combinations(tmp_path)
    assert len(combinations) > 20, "the documentation is read"
    rendered: dict[str, None] = {}
    for where, arguments in combinations.items():
        try:
            text = helm.template(*arguments, namespace="default")
        except AssertionError as refused:
            raise AssertionError(f"{where}: {refused}") from None
        rendered |= dict.fromkeys(
            document for document in text.split("\n---\n") if document.strip()
        )
    # A dry run stores nothing, so that one request each may be made of an object in all its forms.
    assert "deployment.apps/dpojob" in accepted(control_plane, "\n---\n".join(rendered))


@pytest.mark.cluster
@pytest.mark.parametrize("path", POOL_LISTS, ids=lambda path: path.stem)
def test_a_list_of_pools_is_values_of_the_chart(
    helm: Helm, control_plane: Any, tmp_path: Path, path: Path
) -> None:
    pools = yaml.safe_load(path.read_text())["pools"]
    names = {f"gpupool.dpojob.dev/{pool['name']}" for pool in pools}

    def installed(values: Path) -> set[str]:
        text = helm.template("--values", str(values), "--show-only", "templates/pools.yaml")
        return set(accepted(control_plane, text))

    assert installed(path) == names
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"currency": "EUR", "pools": pools}))
    assert installed(own) == names


@pytest.mark.cluster
def test_the_rendered_crds_are_the_generated_ones(helm: Helm) -> None:
    def crds(text: str) -> dict[str, Any]:
        """The CRDs by name, as kubectl reads them."""
        values = [document.value for document in parse_documents(text)]
        return {value["metadata"]["name"]: value for value in values if value}

    rendered = crds(
        helm.template("--set", "commonLabels.team=ml", "--show-only", "templates/crds.yaml")
    )
    generated = crds("---\n".join(path.read_text() for path in (ROOT / "crds").iterdir()))
    assert rendered.keys() == generated.keys()
    for name, crd in rendered.items():
        assert crd["spec"] == generated[name]["spec"]
        assert crd["metadata"]["labels"]["team"] == "ml"
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("version", "values", "refused"),
    [
        ("1.28.15", (), "chart requires kubeVersion: >=1.29.0-0"),
        ("1.29.0", (), None),
        ("1.31.4-eks-ce1d5eb", (), None),
        ("1.29.0", ("--set", "admissionPolicy.enabled=true"), "needs Kubernetes 1.30 or newer"),
        ("1.30.0", ("--set", "admissionPolicy.enabled=true"), None),
    ],
)
def test_only_versions_of_kubernetes_that_serve_all_kinds_are_accepted(
    helm: Helm, version: str, values: tuple[str, ...], refused: str | None
) -> None:
    command = ("template", "dpojob", str(CHART), "--kube-version", version, *values)
    message = helm.refusal(*command)
    assert (refused or "") in message
    assert bool(message) == (refused is not None), message
