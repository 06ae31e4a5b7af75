"""Kueue as the API server meets it: the webhook that suspends Jobs, and the patches that let them go."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.kit.operator_fixture import World

from devcluster.control_plane.certificates import Authority

QUEUE = "kueue.x-k8s.io/queue-name"
FLAVOUR = {"kubernetes.io/arch": "amd64"}
"""Labels of the nodes that the queue has room on."""


class _Webhook(BaseHTTPRequestHandler):
    """Suspends every Job that names a queue, before it is stored."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        answer: dict[str, Any] = {"uid": asked["uid"], "allowed": True}
        if QUEUE in (asked["object"]["metadata"].get("labels") or {}):
            patch = [{"op": "add", "path": "/spec/suspend", "value": True}]
            answer |= {
                "patchType": "JSONPatch",
                "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
            }
        body = json.dumps({**review, "request": None, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def webhook(world: World, directory: Path) -> Iterator[None]:
    """The webhook, for the world's namespace only, as long as the context lasts."""
    authority = Authority(directory / "authority")
    pair = authority.issue("webhook", "webhook", hosts=("127.0.0.1",))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Webhook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    name = f"queue-{world.namespace}"
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
                "operations": ["CREATE"],
                "resources": ["jobs"],
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    world.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [hook],
        }
    )
    try:
        _until_it_is_asked(world)
        yield
    finally:
        world.kubectl("delete", "mutatingwebhookconfiguration", name, check=False)
        server.shutdown()
        thread.join()
        server.server_close()


def _until_it_is_asked(world: World) -> None:
    """The API server learns of a webhook a moment after it was made."""
    probe = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "probe-", "labels": {QUEUE: "none"}},
        "spec": {
            "suspend": False,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c"}]}},
        },
    }  # fmt: skip

    def asked() -> bool:
        text = world.kubectl(
            "create", "--dry-run=server", "-o", "json", "-f", "-", input=json.dumps(probe)
        )
        return bool(json.loads(text)["spec"]["suspend"])

    world.until("the webhook is asked", asked)


def _patch(world: World, job: str, body: dict[str, Any], *more: str) -> None:
    world.kubectl("patch", "job", job, "--type=merge", "-p", json.dumps(body), *more)


def admit(world: World, job: str) -> None:
    """There is room: the Job may run, on these nodes."""
    template = {"spec": {"nodeSelector": FLAVOUR}}
    _patch(world, job, {"spec": {"suspend": False, "template": template}})


def evict(world: World, job: str) -> None:
    """Somebody else needs the room: the Job's pods are stopped."""
    _patch(world, job, {"spec": {"suspend": True}})


def take_back(world: World, job: str) -> None:
    """Once its pods are gone, the template is again as it was made."""
    _patch(world, job, {"status": {"startTime": None}}, "--subresource=status")
    template = {"spec": {"nodeSelector": dict.fromkeys(FLAVOUR)}}
    _patch(world, job, {"spec": {"template": template}})
