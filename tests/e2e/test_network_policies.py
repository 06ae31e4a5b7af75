"""A job in a namespace that denies by default, with the chart's policies, and an agent that enforces them."""

import json

import pytest
from tests.kit.e2e import network_policy_agent
from tests.kit.e2e.held_job import VALUES, HeldJob
from tests.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.chaos, pytest.mark.timeout(3600)]
OUTSIDE = "outside"
"""A namespace without policies, and its only pod, which serves HTTP."""
PORT = 8000
CONNECT = (
    "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)"
)
ALL_PODS = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def policy(name, spec):
    metadata = {"name": name}
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec,
    }  # fmt: skip


@pytest.fixture
def outside(installed):
    """The address of a server in a namespace without policies."""
    kubectl = installed.kubectl
    kubectl("create", "namespace", OUTSIDE)
    container = {
        "name": "server",
        "image": installed.image,
        "command": ["python", "-m", "http.server", str(PORT)],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": OUTSIDE},
        "spec": {"containers": [container]},
    }
    kubectl("apply", "-n", OUTSIDE, "-f", "-", input=json.dumps(pod))
    kubectl("wait", "--for=condition=Ready", f"pod/{OUTSIDE}", "-n", OUTSIDE, "--timeout=300s")
    yield kubectl("get", "pod", OUTSIDE, "-n", OUTSIDE, "-o", "jsonpath={.status.podIP}")
    kubectl("delete", "namespace", OUTSIDE, "--wait=false")


@pytest.fixture
def denied(installed, native, inputs, tmp_path):
    """The namespace of the inputs, where policies are enforced and only the chart's allow anything."""
    from cluster_tools import run

    namespace, _ = inputs
    demo, kubectl = installed.demo, installed.kubectl
    policies = {"enabled": True, "jobEgress": []}
    values = {**VALUES, "namespaces": [namespace], "networkPolicy": policies}
    with network_policy_agent.enforced(kubectl, tmp_path):
        kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(policy("deny", ALL_PODS)))
        command = (
            "upgrade",
            "dpojob",
            "charts/dpojob",
            "-n",
            demo.SYSTEM,
            "--reuse-values",
            "--wait",
        )
        run(*demo.helm(), *command, "--timeout=5m", "--values", "-", input=json.dumps(values))
        demo.add_fake_gpu(kubectl)
        yield namespace
        kubectl("delete", "networkpolicies", "--all", "-n", namespace)
    demo.install()
    demo.add_fake_gpu(kubectl)


def test_a_job_completes_and_is_read_and_nobody_else_reaches_it(
    installed, denied, inputs, quickstart, outside
):
    kubectl = installed.kubectl
    job = HeldJob(installed, inputs, quickstart, "denied")
    job.create()
    wait_until(lambda: job.step() > 0, "the operator reads progress", 600)
    pod = job.pod()["metadata"]["name"], job.pod()["status"]["podIP"]

    def connects(namespace, name, address, port):
        done = kubectl.attempt(
            "exec", "-n", namespace, name, "--", "python", "-c", CONNECT, address, str(port)
        )
        assert not done.returncode or "TimeoutError" in done.stderr, done.stderr
        return not done.returncode

    def reaches_the_job():
        return connects(OUTSIDE, OUTSIDE, pod[1], 8080)

    def is_reached_by_the_job():
        return connects(denied, pod[0], outside, PORT)

    assert connects(OUTSIDE, OUTSIDE, outside, PORT), "what no policy selects is as before"
    assert not reaches_the_job()
    assert not is_reached_by_the_job()
    # By policies alone: others allow the same connections.
    peer = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}]
    allowing = {**ALL_PODS, "ingress": [{"from": peer}], "egress": [{"to": peer}]}
    kubectl("apply", "-n", denied, "-f", "-", input=json.dumps(policy("allow-outside", allowing)))
    wait_until(reaches_the_job, "the other namespace reaches the job", 300)
    wait_until(is_reached_by_the_job, "the job reaches the other namespace", 300)

    job.let_it_end()
    assert installed.finish(denied, job.name)["status"]["phase"] == "Complete"
