"""Kueue, as far as it touches a batch/v1 Job that names a queue.

Kueue's webhook suspends the Job when it is created, and rejects some edits of its labels later. To admit the Job, Kueue writes the nodes that it
chose into the pod template and resumes the Job. To evict it, Kueue suspends it again, and restores
the template when the pods are gone. Each step is a list of merge patches here, which a test sends
with the client it has; `webhook` is a real one, for an API server that is called directly.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.kit.cluster.patch import Patch
from tests.kit.operator_fixture import JobNamespace

from devcluster.control_plane.certificates import Authority
from dpojob_api.quantity import parse_quantity

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PRIORITY_LABEL = "kueue.x-k8s.io/priority-class"
QUEUE = {QUEUE_LABEL: "team"}
"""Labels of a DPOJob that must queue."""
FLAVOR = {"kubernetes.io/arch": "amd64"}
"""Labels of nodes that every cluster of the tests has; a resource flavor in Kueue's terms."""


def admission(flavor: Mapping[str, str] = FLAVOR) -> list[Patch]:
    """The queue has capacity: the Job may run, on nodes with these labels."""
    template = {"spec": {"nodeSelector": dict(flavor)}}
    return [Patch({"spec": {"suspend": False, "template": template}})]


def eviction() -> list[Patch]:
    """Another workload preempts the Job, whose pods are stopped."""
    return [Patch({"spec": {"suspend": True}})]


def template_restoration(flavor: Mapping[str, str] = FLAVOR) -> list[Patch]:
    """After an eviction, when the pods are gone: the template as it was created."""
    template = {"spec": {"nodeSelector": dict.fromkeys(flavor)}}
    return [
        Patch({"status": {"startTime": None}}, "status"),
        Patch({"spec": {"template": template}}),
    ]


def assigned_flavor(
    job: Mapping[str, Any], flavors: Mapping[str, Mapping[str, Any]], queue: Mapping[str, Any]
) -> str | None:
    """The ResourceFlavor in which an empty ClusterQueue admits a Job of one pod; None where it admits none.

    As pkg/scheduler/flavorassigner of Kueue 0.19, for one group of resources: of the flavors in their order,
    the first that has the quota for all that the pod asks for, whose labels match the pod's node selector in
    the keys that any flavor of the group has, and whose taints the pod tolerates.

    Args:
        job: A batch/v1 Job.
        flavors: Specs of the ResourceFlavors, by name.
        queue: Spec of the ClusterQueue.
    """
    pod = job["spec"]["template"]["spec"]
    asked = pod["containers"][0]["resources"]["requests"]
    (group,) = queue["resourceGroups"]
    if not asked.keys() <= set(group["coveredResources"]):
        return None
    keys = {key for named in group["flavors"] for key in _labels(flavors[named["name"]])}
    selector = {key: value for key, value in pod.get("nodeSelector", {}).items() if key in keys}
    for named in group["flavors"]:
        flavor = flavors[named["name"]]
        quota = {entry["name"]: entry["nominalQuota"] for entry in named["resources"]}
        if (
            selector.items() <= _labels(flavor).items()
            and all(
                parse_quantity(asked[name]) <= parse_quantity(str(quota[name])) for name in asked
            )
            and all(
                any(_tolerates(toleration, taint) for toleration in pod.get("tolerations", []))
                for taint in flavor.get("nodeTaints", [])
            )
        ):
            return str(named["name"])
    return None


def _labels(flavor: Mapping[str, Any]) -> Mapping[str, str]:
    return dict(flavor.get("nodeLabels", {}))


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    value = toleration.get("operator") == "Exists" or toleration.get("value") == taint.get("value")
    effect = toleration.get("effect") in (None, taint["effect"])
    return toleration.get("key") in (None, taint["key"]) and value and effect


WORKLOAD_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workloads.kueue.x-k8s.io"},
    "spec": {
        "group": "kueue.x-k8s.io",
        "names": {"kind": "Workload", "plural": "workloads"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
"""Kueue's Workload without its schema, which the CRD of Kueue itself has."""


def pending_workload(job: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The Workload that Kueue makes for a Job that its queue has no quota for."""
    metadata = job["metadata"]
    condition = {
        "type": "QuotaReserved", "status": "False", "reason": "Pending", "message": message,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    }  # fmt: skip
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "Workload",
        "metadata": {
            "name": f"job-{metadata['name']}"[:60],
            "labels": {"kueue.x-k8s.io/job-uid": metadata["uid"]},
        },
        "spec": {"queueName": metadata["labels"][QUEUE_LABEL]},
        "status": {"conditions": [condition]},
    }


def names_a_queue(job: Mapping[str, Any]) -> bool:
    """Whether the webhook suspends the Job, as it does every one with the label, inspections too."""
    return QUEUE_LABEL in (job["metadata"].get("labels") or {})


def suspended_at_creation(body: bytes) -> bytes:
    """A Job as JSON, as it leaves the webhook."""
    job = json.loads(body)
    if not names_a_queue(job):
        return body
    job["spec"]["suspend"] = True
    return json.dumps(job).encode()


def label_rejection(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The message with which Kueue's webhook rejects an edit of a Job's labels; None when it accepts the edit.

    As `ValidateJobOnUpdate` in pkg/controller/jobframework/validation.go of Kueue 0.19.
    """
    suspended = bool(new["spec"].get("suspend"))
    before, after = (job["metadata"].get("labels") or {} for job in (old, new))
    if not suspended and before.get(QUEUE_LABEL) != after.get(QUEUE_LABEL):
        return f"metadata.labels[{QUEUE_LABEL}]: Invalid value: field is immutable"
    had, has = before.get(PRIORITY_LABEL), after.get(PRIORITY_LABEL)
    if not suspended and not had and has:
        return "WorkloadPriorityClass cannot be added to a non-suspended workload"
    if had and not has:
        return "WorkloadPriorityClass cannot be removed from a workload"
    return None


class _Webhook(BaseHTTPRequestHandler):
    """Suspends every Job that names a queue, before it is stored, and checks edits of its labels."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
        if request["operation"] == "UPDATE":
            rejection = label_rejection(request["oldObject"], request["object"])
            if rejection is not None:
                response |= {"allowed": False, "status": {"message": rejection}}
        elif names_a_queue(request["object"]):
            patch = [{"op": "add", "path": "/spec/suspend", "value": True}]
            response |= {
                "patchType": "JSONPatch",
                "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
            }
        body = json.dumps({**review, "request": None, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


@contextlib.contextmanager
def webhook(job_namespace: JobNamespace, directory: Path) -> Iterator[None]:
    """Runs the webhook for the job namespace only."""
    authority = Authority(directory / "authority")
    pair = authority.issue("webhook", "webhook", hosts=("127.0.0.1",))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Webhook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    name = f"queue-{job_namespace.namespace}"
    hook = {
        "name": "jobs.queue.test",
        "clientConfig": {
            "url": f"https://127.0.0.1:{server.server_port}/",
            "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
        },
        "rules": [
            {
                "apiGroups": ["batch"],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["jobs"],
            }
        ],
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": job_namespace.namespace}
        },
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    job_namespace.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [hook],
        }
    )
    try:
        _wait_until_called(job_namespace)
        yield
    finally:
        job_namespace.kubectl("delete", "mutatingwebhookconfiguration", name, check=False)
        server.shutdown()
        thread.join()
        server.server_close()


def _wait_until_called(job_namespace: JobNamespace) -> None:
    """The API server reads the configuration of a webhook a moment after it was created."""
    probe = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "probe-", "labels": {QUEUE_LABEL: "none"}},
        "spec": {
            "suspend": False,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c"}]}},
        },
    }  # fmt: skip

    def called() -> bool:
        text = job_namespace.kubectl(
            "create", "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(probe)
        )
        return bool(json.loads(text)["spec"]["suspend"])

    job_namespace.until("the webhook is called", called)
