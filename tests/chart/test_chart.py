"""The Helm chart, rendered by Helm and judged by a real API server."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.kit.crds import apply_crds

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/dpojob"


@pytest.fixture(scope="module")
def helm(control_plane):
    def run(*arguments):
        command = [control_plane.bin("helm"), "--kubeconfig", control_plane.kubeconfig, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    apply_crds(control_plane, CHART / "crds")
    return run


def render(helm, *values):
    text = helm(
        "template", "dpojob", str(CHART), "--namespace", "dpojob-system", "--validate", *values
    )
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


def environment(documents):
    (deployment,) = of_kind(documents, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


EVERYTHING = (
    "--set", "replicas=2,podDisruptionBudget.enabled=true,networkPolicy.enabled=true,admissionPolicy.enabled=true",
    "--set", "operator.priorityClassName=system-cluster-critical,operator.userId=null",
    "--set", "commonLabels.team=ml,commonAnnotations.owner=ml,operator.podLabels.mesh=off",
    "--set-json", 'operator.topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone",'
    '"whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"a":"b"}}}]',
    "--set-json", 'networkPolicy.metricsFrom=[{"namespaceSelector":{}}]',
    "--set-json", 'networkPolicy.jobEgress=[{"ports":[{"port":443}]}]',
)  # fmt: skip


@pytest.mark.parametrize("values", [(), EVERYTHING], ids=["defaults", "everything"])
def test_the_server_accepts_every_object(helm, control_plane, namespace, values):
    text = helm("template", "dpojob", str(CHART), "--namespace", namespace, "--validate", *values)
    done = control_plane.kubectl("create", "--dry-run=server", "-f", "-", input=text, check=False)
    assert done.returncode == 0, done.stderr
    assert "deployment.apps/dpojob created" in done.stdout


def test_the_operator_meets_the_restricted_pod_security_standard(helm, control_plane, namespace):
    control_plane.kubectl("label", "ns", namespace, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = of_kind(render(helm), "Deployment")
    template = deployment["spec"]["template"]
    template["spec"].pop("serviceAccountName")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": template["spec"]}
    done = control_plane.kubectl(
        "-n", namespace, "create", "--dry-run=server", "-f", "-", input=json.dumps(pod), check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_default_catalogue_is_installed(helm):
    pools = of_kind(render(helm), "GPUPool")
    assert {pool["metadata"]["name"] for pool in pools} == {
        "t4-small", "t4-medium", "a10g-small", "a10g-large", "a100-large",
    }  # fmt: skip


def test_prices_are_configuration(helm):
    pools = of_kind(render(helm, "--set-string", "poolPrices.t4-small=0.60"), "GPUPool")
    prices = {pool["metadata"]["name"]: pool["spec"]["hourlyPrice"] for pool in pools}
    assert prices["t4-small"] == "0.60"
    assert prices["t4-medium"] == "1.00"


def test_the_catalogue_can_be_left_out(helm):
    assert of_kind(render(helm, "--set-json", "pools=[]"), "GPUPool") == []


def test_a_custom_catalogue_replaces_the_default(helm):
    own = json.dumps([{"name": "h100", "spec": {"gpu": {"model": "H100", "memoryGiB": 80}}}])
    (pool,) = of_kind(render(helm, "--set-json", f"pools={own}"), "GPUPool")
    assert pool["metadata"]["name"] == "h100"


def test_the_operator_may_read_no_secrets(helm):
    rules = [
        rule
        for role in ("ClusterRole", "Role")
        for found in of_kind(render(helm), role)
        for rule in found["rules"]
    ]
    assert not any("secrets" in rule["resources"] or "*" in rule["resources"] for rule in rules)


def test_given_namespaces_the_operator_may_touch_jobs_only_there(helm):
    documents = render(helm, "--set", "namespaces={team-a,team-b}")
    assert environment(documents)["DPOJOB_OPERATOR_NAMESPACES"] == "team-a,team-b"
    cluster_wide = [
        rule
        for role in of_kind(documents, "ClusterRole")
        if role["metadata"]["name"] == "dpojob"
        for rule in role["rules"]
    ]
    assert not any("create" in rule["verbs"] or "delete" in rule["verbs"] for rule in cluster_wide)
    owners = {role["metadata"]["namespace"] for role in of_kind(documents, "Role")}
    assert {"team-a", "team-b"} <= owners


def test_a_mirror_of_the_hub_reaches_the_operator_and_the_pods(helm):
    values = environment(render(helm, "--set", "hub.endpoint=https://hub.example.com"))
    assert values["DPOJOB_OPERATOR_HUB_ENDPOINT"] == "https://hub.example.com"
    assert json.loads(values["DPOJOB_OPERATOR_POD_ENV"])["HF_ENDPOINT"] == "https://hub.example.com"


def test_the_operator_reaches_the_hub_as_the_pods_do(helm):
    ca, proxy = "hub.caConfigMap=corporate", "operator.environment.HTTPS_PROXY=http://proxy:3128"
    documents = render(helm, "--set", ca, "--set", proxy)
    env = environment(documents)
    assert env["HTTPS_PROXY"] == "http://proxy:3128"
    (deployment,) = of_kind(documents, "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    assert env["SSL_CERT_FILE"] == f"{mount['mountPath']}/ca.crt"
    (volume,) = pod["volumes"]
    assert volume["name"] == mount["name"] and volume["configMap"]["name"] == "corporate"


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_operator_takes_its_lease_with_one_replica_too(helm, replicas):
    # A single replica whose node is lost may still run beside the one that replaces it.
    values = environment(render(helm, "--set", f"replicas={replicas}"))
    assert values["DPOJOB_OPERATOR_LEADER_ELECTION"] == "true"


def test_only_the_operators_own_lease_can_be_read_and_changed(helm):
    documents = render(helm)
    rules = [
        rule
        for role in of_kind(documents, "Role") + of_kind(documents, "ClusterRole")
        for rule in role["rules"]
        if "leases" in rule["resources"]
    ]
    by_name = [rule for rule in rules if "resourceNames" in rule]
    assert {verb for rule in rules if rule not in by_name for verb in rule["verbs"]} == {"create"}
    (rule,) = by_name
    assert rule["resourceNames"] == [environment(documents)["DPOJOB_OPERATOR_LEASE_NAME"]]
    assert set(rule["verbs"]) == {"get", "update"}


def test_the_operator_can_read_every_setting_the_chart_writes(helm):
    from dpojob_operator.process import settings

    settings.load(environment(render(helm)))
    known = Path(settings.__file__).read_text()
    for name in environment(render(helm)):
        assert name in known, f"the chart sets {name}, which the operator does not document"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples/pools").glob("*.yaml")), ids=lambda p: p.stem
)
def test_the_example_pools_are_accepted(helm, control_plane, path):
    done = control_plane.kubectl("create", "--dry-run=server", "-f", str(path), check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("--set", "replica=2"), "'replica' not allowed"),
        (("--set", "inspect.deadlineSeconds=abc"), "/inspect/deadlineSeconds"),
        (("--set", "train.resources.request.cpu=1"), "'request' not allowed"),
        (("--set", "images.operator.digest=latest"), "/images/operator/digest"),
        (("--set", "operator.logFormat=xml"), "/operator/logFormat"),
        (("--set", "hub.endpoint=hub.internal"), "/hub/endpoint"),
        (("--set", "commonLabels.app\\.kubernetes\\.io/name=x"), "app.kubernetes.io/name"),
        (("--values", str(ROOT / "examples/pools/gke.yaml")), "'apiVersion'"),
        (("--set-json", 'pools=[{"kind":"GPUPool","metadata":{"name":"x"},"spec":{}}]'), "/pools"),
    ],
)
def test_values_that_the_chart_does_not_know_are_refused(helm, values, expected):
    with pytest.raises(subprocess.CalledProcessError) as error:
        render(helm, *values)
    assert expected in error.value.stderr


def test_every_value_is_in_the_schema_and_has_a_meaning():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = schema["properties"]
    assert set(values) == set(known) - {"global"}
    for name, value in values.items():
        if known[name].get("additionalProperties") is False:
            assert set(value) == set(known[name]["properties"]), name
    rows = [
        line for line in (CHART / "README.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert rows
    for row in rows:
        assert row.rstrip("| ").count(" | ") == 2, f"{row} has no meaning"


def test_common_labels_and_annotations_are_on_every_object(helm):
    for document in render(helm, *EVERYTHING, "--set", "metrics.serviceMonitor=false"):
        metadata = document["metadata"]
        assert metadata["labels"]["team"] == "ml", metadata
        assert metadata["annotations"]["owner"] == "ml", metadata


def test_several_replicas_are_updated_one_after_the_other(helm):
    def strategy(*values):
        (deployment,) = of_kind(render(helm, *values), "Deployment")
        return deployment["spec"]["strategy"]

    assert strategy() == {"type": "Recreate"}
    rolling = strategy("--set", "replicas=2")
    assert rolling == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }


def test_the_users_id_can_be_left_to_the_cluster(helm):
    def context(*values):
        (deployment,) = of_kind(render(helm, *values), "Deployment")
        return deployment["spec"]["template"]["spec"]["securityContext"]

    assert context()["runAsUser"] == context()["runAsGroup"] == 65532
    assert "runAsUser" not in context("--set", "operator.userId=null")
    assert context("--set", "operator.userId=null")["runAsNonRoot"] is True


def test_where_everything_is_denied_the_policies_allow_what_operator_and_jobs_need(helm):
    from dpojob_api.constants import LABEL_MANAGED_BY, MANAGED_BY, PROGRESS_PORT

    documents = render(helm, "--set", "networkPolicy.enabled=true,namespaces={team-a,team-b}")
    policies = {
        (policy["metadata"].get("namespace"), policy["metadata"]["name"]): policy["spec"]
        for policy in of_kind(documents, "NetworkPolicy")
    }
    assert set(policies) == {
        (None, "dpojob"), ("team-a", "dpojob-jobs"), ("team-b", "dpojob-jobs"),
    }  # fmt: skip
    jobs = policies["team-a", "dpojob-jobs"]
    assert jobs["podSelector"]["matchLabels"] == {LABEL_MANAGED_BY: MANAGED_BY}
    progress = jobs["ingress"][0]
    assert progress["ports"] == [{"port": PROGRESS_PORT}]
    (operator,) = progress["from"]
    (deployment,) = of_kind(documents, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert operator["podSelector"]["matchLabels"].items() <= labels.items()
    assert {"port": 53, "protocol": "UDP"} in jobs["egress"][0]["ports"]


def test_only_those_bound_to_the_viewer_role_may_list_pools_by_it(helm):
    roles = {role["metadata"]["name"]: role for role in of_kind(render(helm), "ClusterRole")}
    viewer = roles["dpojob-pool-viewer"]
    assert not any("aggregate" in label for label in viewer["metadata"]["labels"])
    assert viewer["rules"] == [
        {"apiGroups": ["dpojob.dev"], "resources": ["gpupools"], "verbs": ["get", "list", "watch"]}
    ]
