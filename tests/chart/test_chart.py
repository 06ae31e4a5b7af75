"""The Helm chart, rendered by Helm and judged by a real API server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.cluster.helm import CHART, environment, of_kind
from tests.kit.cluster.manifests import training
from tests.kit.repository import ROOT

pytestmark = pytest.mark.cluster


LABELLED = (
    "--set", "podDisruptionBudget.enabled=true,networkPolicy.enabled=true,admissionPolicy.enabled=true",
    "--set", "metrics.serviceMonitor=true,metrics.podMonitor=true",
    "--set", "commonLabels.team=ml,commonAnnotations.owner=ml",
)  # fmt: skip


def test_the_operator_meets_the_restricted_pod_security_standard(helm, control_plane, namespace):
    control_plane.kubectl("label", "ns", namespace, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = of_kind(helm.render(), "Deployment")
    template = deployment["spec"]["template"]
    template["spec"].pop("serviceAccountName")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": template["spec"]}
    done = control_plane.kubectl(
        "-n", namespace, "create", "--dry-run=server", "-f", "-", input=json.dumps(pod), check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_default_catalogue_is_installed(helm):
    pools = of_kind(helm.render(), "GPUPool")
    assert {pool["metadata"]["name"] for pool in pools} == {
        "t4-small", "t4-medium", "a10g-small", "a10g-large", "a100-large",
    }  # fmt: skip


def test_prices_are_configuration(helm):
    pools = of_kind(helm.render("--set-string", "poolPrices.t4-small=0.60"), "GPUPool")
    prices = {pool["metadata"]["name"]: pool["spec"]["hourlyPrice"] for pool in pools}
    assert prices["t4-small"] == "0.60"
    assert prices["t4-medium"] == "1.00"


def test_the_catalogue_can_be_left_out(helm):
    assert of_kind(helm.render("--set-json", "pools=[]"), "GPUPool") == []


def test_a_custom_catalogue_replaces_the_default(helm):
    own = json.dumps([{"name": "h100", "spec": {"gpu": {"model": "H100", "memoryGiB": 80}}}])
    (pool,) = of_kind(helm.render("--set-json", f"pools={own}"), "GPUPool")
    assert pool["metadata"]["name"] == "h100"


def test_images_of_a_checkout_are_named_by_the_values_that_it_prints(helm, tmp_path):
    script, variables = (
        [sys.executable, "hack/images.py"],
        {**os.environ, "PUSH": "registry.test/own"},
    )
    names, values = (
        subprocess.check_output([*script, argument], cwd=ROOT, env=variables, text=True)
        for argument in ("names", "values")
    )
    (tmp_path / "images.yaml").write_text(values)
    rendered = json.dumps(helm.render("--values", str(tmp_path / "images.yaml")))
    assert len(names.split()) == 3
    for name in names.split():
        assert name.startswith("registry.test/own/dpojob-") and name in rendered


def test_the_operator_may_read_no_secrets(helm):
    rules = [
        rule
        for role in ("ClusterRole", "Role")
        for found in of_kind(helm.render(), role)
        for rule in found["rules"]
    ]
    assert not any("secrets" in rule["resources"] or "*" in rule["resources"] for rule in rules)


def test_given_namespaces_the_operator_may_touch_jobs_only_there(helm):
    documents = helm.render("--set", "namespaces={team-a,team-b}")
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
    values = environment(helm.render("--set", "hub.endpoint=https://hub.example.com"))
    assert values["DPOJOB_OPERATOR_HUB_ENDPOINT"] == "https://hub.example.com"
    assert json.loads(values["DPOJOB_OPERATOR_POD_ENV"])["HF_ENDPOINT"] == "https://hub.example.com"


def test_pods_know_whether_they_may_run_programs_of_users(helm):
    def allowed(*options: str) -> bool:
        pods = json.loads(environment(helm.render(*options))["DPOJOB_OPERATOR_POD_ENV"])
        return pods.get("DPOJOB_ALLOW_PROGRAMS") == "true"

    assert not allowed() and allowed("--set", "evaluation.allowPrograms=true")


def test_the_operator_reaches_the_hub_as_the_pods_do(helm):
    ca, proxy = "hub.caConfigMap=corporate", "operator.environment.HTTPS_PROXY=http://proxy:3128"
    documents = helm.render("--set", ca, "--set", proxy)
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
    values = environment(helm.render("--set", f"replicas={replicas}"))
    assert values["DPOJOB_OPERATOR_LEADER_ELECTION"] == "true"


def test_only_the_operators_own_lease_can_be_read_and_changed(helm):
    documents = helm.render()
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

    settings.load(environment(helm.render()))
    known = Path(settings.__file__).read_text()
    for name in environment(helm.render()):
        assert name in known, f"the chart sets {name}, which the operator does not document"


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
        (("--set", "podEnvironment.HF_HUB_OFFLINE=true"), "/podEnvironment/HF_HUB_OFFLINE"),
        (("--set", "operator.environment.LIMIT=1000000"), "/operator/environment/LIMIT"),
        (("--set", "poolPrices.t4-small=true"), "/poolPrices/t4-small"),
        (("--set", "namespaces={Team_A}"), "/namespaces/0"),
        (("--set", "hub.caConfigMap=Corporate_CA"), "/hub/caConfigMap"),
        (("--set", "images.pullSecrets={my_registry}"), "/images/pullSecrets/0"),
        (("--values", str(ROOT / "examples/quickstart.yaml")), "'apiVersion'"),
        (("--set-json", 'pools=[{"kind":"GPUPool","metadata":{"name":"x"},"spec":{}}]'), "/pools"),
    ],
)
def test_values_that_the_chart_does_not_know_are_refused(helm, values, expected):
    assert expected in helm.refusal("template", "dpojob", str(CHART), *values)


def test_common_labels_and_annotations_are_on_every_object(helm):
    documents = helm.render(*LABELLED)
    assert {"CustomResourceDefinition", "ServiceMonitor", "PodMonitor", "GPUPool"} <= {
        document["kind"] for document in documents
    }
    for document in documents:
        metadata = document["metadata"]
        assert metadata["labels"]["team"] == "ml", metadata
        assert metadata["annotations"]["owner"] == "ml", metadata


def test_monitors_find_what_they_scrape_and_keep_its_own_labels(helm):
    documents = helm.render(
        "--set", "metrics.serviceMonitor=true,metrics.podMonitor=true",
        "--set", "metrics.monitorLabels.release=prometheus",
    )  # fmt: skip
    (service,), (of_service,), (of_pods,) = (
        of_kind(documents, kind) for kind in ("Service", "ServiceMonitor", "PodMonitor")
    )
    template = training()["spec"]["template"]
    labels = template["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    cases = (
        (of_service, "endpoints", service["metadata"]["labels"], service["spec"]["ports"]),
        (of_pods, "podMetricsEndpoints", labels, container["ports"]),
    )
    for monitor, field, scraped, ports in cases:
        (endpoint,) = monitor["spec"][field]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= scraped.items()
        assert endpoint["port"] in [port["name"] for port in ports]
        assert endpoint["honorLabels"] is True
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
    known = {"__meta_kubernetes_pod_label_" + re.sub(r"\W|[.]", "_", name) for name in labels}
    for relabeling in endpoint["relabelings"]:
        assert set(relabeling["sourceLabels"]) <= known


def test_several_replicas_are_updated_one_after_the_other(helm):
    def strategy(*values):
        (deployment,) = of_kind(helm.render(*values), "Deployment")
        return deployment["spec"]["strategy"]

    assert strategy() == {"type": "Recreate"}
    rolling = strategy("--set", "replicas=2")
    assert rolling == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }


def test_the_users_id_can_be_left_to_the_cluster(helm):
    def context(*values):
        (deployment,) = of_kind(helm.render(*values), "Deployment")
        return deployment["spec"]["template"]["spec"]["securityContext"]

    assert context()["runAsUser"] == context()["runAsGroup"] == 65532
    assert "runAsUser" not in context("--set", "operator.userId=null")
    assert context("--set", "operator.userId=null")["runAsNonRoot"] is True


def test_where_everything_is_denied_the_policies_allow_what_operator_and_jobs_need(helm):
    from dpojob_api.constants import LABEL_MANAGED_BY, MANAGED_BY, PROGRESS_PORT

    documents = helm.render("--set", "networkPolicy.enabled=true,namespaces={team-a,team-b}")
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
    roles = {role["metadata"]["name"]: role for role in of_kind(helm.render(), "ClusterRole")}
    viewer = roles["dpojob-pool-viewer"]
    assert not any("aggregate" in label for label in viewer["metadata"]["labels"])
    assert viewer["rules"] == [
        {"apiGroups": ["dpojob.dev"], "resources": ["gpupools"], "verbs": ["get", "list", "watch"]}
    ]


def test_tenants_may_read_their_quotas_of_cost_and_write_none(helm):
    roles = {role["metadata"]["name"]: role for role in of_kind(helm.render(), "ClusterRole")}
    verbs = {
        name: verb
        for name in ("dpojob-view", "dpojob-edit")
        for rule in roles[name]["rules"]
        if "costquotas" in rule["resources"] or "*" in rule["resources"]
        for verb in [tuple(rule["verbs"])]
    }
    assert verbs == {"dpojob-view": ("get", "list", "watch")}
