"""The operator as a real process against a real API server; kwok stands in for the kubelet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from tests.kit.api import paths
from tests.kit.cluster.clock_override import VARIABLE, Clock
from tests.kit.cluster.patch import Patch
from tests.kit.fork_server.client import ForkedProcess, ForkServer
from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT, wait_until

from devcluster.control_plane import Api, ApiError
from devcluster.control_plane.api_client import labelled

T = TypeVar("T")
PATHS = {
    "dpojob": paths.DPOJOBS,
    "gpupool": paths.GPUPOOLS,
    "costquota": paths.COST_QUOTAS,
    "job": paths.JOBS,
    "pod": paths.PODS,
    "pvc": paths.CLAIMS,
    "quota": paths.RESOURCE_QUOTAS,
}
"""The paths of collections, by kind as kubectl's short names have it."""
__all__ = ["LIMIT", "JobNamespace", "Process"]


class Process:
    """One operator process for one namespace."""

    def __init__(
        self,
        kubeconfig: str,
        namespace: str,
        log: Path,
        fork_server: ForkServer | None = None,
        clock: Clock | None = None,
        **settings: str,
    ) -> None:
        """`fork_server`: forked from it; otherwise a process as it ships. `clock`, of a forked one: what
        its decisions go by, instead of the machine's."""
        self.log, self.fork_server = log, fork_server
        clock = clock or Clock(log.with_suffix(".clock"))
        self.environment = {
            **os.environ,
            "KUBECONFIG": kubeconfig,
            "TMPDIR": str(log.parent),  # a killed client leaves its certificates behind
            VARIABLE: str(clock.path),
            "DPOJOB_OPERATOR_INSPECT_IMAGE": "inspect:test",
            "DPOJOB_OPERATOR_TRAIN_IMAGE": "train:test",
            "DPOJOB_OPERATOR_NAMESPACES": namespace,
            "DPOJOB_OPERATOR_HTTP_PORT": "0",
            "DPOJOB_OPERATOR_HUB_ENDPOINT": "none",
            "DPOJOB_OPERATOR_BATCH_SECONDS": "0.1",
            "DPOJOB_OPERATOR_MISSING_GRACE_SECONDS": "0",
            "DPOJOB_OPERATOR_SECRET_GRACE_SECONDS": "1",
            "DPOJOB_OPERATOR_STATUS_SECONDS": "1",
            "DPOJOB_OPERATOR_PROGRESS_SECONDS": "1",
            "DPOJOB_OPERATOR_PROGRESS_VIA": "pod",
            **{f"DPOJOB_OPERATOR_{name}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None

    def start(self) -> None:
        if self.fork_server is not None:
            self.process = self.fork_server.start(self.environment, self.log)
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dpojob_operator"],
            env=self.environment,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=LIMIT)


class JobNamespace:
    """A namespace with its pool, and what a user, a scheduler and a kubelet do in it."""

    def __init__(self, cluster: Any, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self._api = Api.from_kubeconfig(cluster.kubeconfig, timeout=LIMIT)

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        # Else kubectl gives up on discovery after 32 s, which an API server may take that is kept busy.
        options = ("-n", self.namespace, f"--request-timeout={LIMIT}s")
        done = self.cluster.kubectl(*options, *args, input=input, check=check)
        return done if isinstance(done, str) else done.stdout

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        return self._read(self._api.get, f"{PATHS[kind].format(self.namespace)}/{name}")

    def list(self, kind: str, **labels: str) -> list[dict[str, Any]]:
        path = PATHS[kind.removesuffix("s")].format(self.namespace)
        ours = {f"dpojob.dev/{key}": value for key, value in labels.items()}
        return self._read(self._api.items, labelled(path, ours))

    def _read(self, read: Callable[[str], T], path: str) -> T:
        def answer() -> list[T]:
            try:
                return [read(path)]
            except OSError:  # the server closed the idle connection
                return []
            except ApiError as error:
                if error.status not in (429, 503):
                    raise
                return []

        # While it exchanges what serves a kind, the API server refuses requests for objects of it.
        return wait_until(answer, f"an answer to GET {path}")[0]

    def apply(self, *manifests: dict[str, Any]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", input=json.dumps(items))

    def job(self, name: str, /, **spec: Any) -> None:
        self.apply(dpojob(name, **spec))

    def patch_job(self, name: str, patches: Iterable[Patch]) -> None:
        """Sends merge patches of a batch/v1 Job."""
        for patch in patches:
            path = "/".join(
                filter(None, (PATHS["job"].format(self.namespace), name, patch.subresource))
            )
            self._api.merge(path, patch.body)

    def suspend(self, name: str, value: bool) -> None:
        patch = json.dumps({"spec": {"suspend": value}})
        self.kubectl("patch", "dpojob", name, "--type=merge", "-p", patch)

    def status(self, name: str) -> dict[str, Any]:
        raw = self.get("dpojob", name)
        assert raw is not None, f"DPOJob {name} is gone"
        return raw.get("status") or {}

    def condition(self, name: str, type_: str) -> tuple[str, str, str]:
        for condition in self.status(name).get("conditions") or []:
            if condition["type"] == type_:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def until(self, what: str, holds: Callable[[], Any]) -> Any:
        try:
            return wait_until(holds, what)
        except AssertionError as error:
            objects = self.kubectl("get", "dpojobs,jobs,pods", "-o", "yaml")
            raise AssertionError(f"{error}\n{objects[-6000:]}") from None

    def until_condition(self, name: str, type_: str, reason: str) -> str:
        def holds() -> str | None:
            _, found, message = self.condition(name, type_)
            return (message or " ") if found == reason else None

        return str(self.until(f"{name}: {type_}/{reason}", holds))

    def pod(self, job: str, stage: str, attempt: int | None = None) -> dict[str, Any]:
        """The running pod of a stage, as soon as there is one."""
        labels = {"job": job, "stage": stage}
        if attempt is not None:
            labels["attempt"] = str(attempt)

        def running() -> dict[str, Any] | None:
            for pod in self.list("pods", **labels):
                if pod["status"].get("phase") == "Running":
                    return pod
            return None

        return dict(self.until(f"a running {stage} pod of {job}", running))

    def end_pod(self, pod: dict[str, Any], exit_code: int, message: Any = None) -> None:
        """Ends the container, with a termination message."""
        text = message if isinstance(message, str) else json.dumps(message or "")
        self.kubectl(
            "annotate", "--overwrite", "pod", pod["metadata"]["name"],
            f"kwok.dpojob.dev/exit-code={exit_code}", f"kwok.dpojob.dev/message={text}",
        )  # fmt: skip

    def inspected(
        self, name: str, report: dict[str, Any] | None = None, exit_code: int = 0
    ) -> None:
        self.end_pod(self.pod(name, "inspect"), exit_code, REPORT if report is None else report)

    def trained(self, name: str, attempt: int = 1, **progress: Any) -> None:
        self.end_pod(self.pod(name, "train", attempt), 0, succeeded(**progress))


def dpojob(name: str, **spec: Any) -> dict[str, Any]:
    base = {"model": {"repo": "tiny/chat"}, "dataset": {"repo": "tiny/pairs"}}
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {"name": name},
        "spec": {**base, **spec},
    }


COMMITS = {"model": "1" * 40, "dataset": "2" * 40}
"""The revisions of a job that is pinned to commits."""
REPORT: dict[str, Any] = {
    "valid": True,
    "format": "conversational",
    "rows": 1000,
    "validRows": 1000,
    "trainRows": 980,
    "evalRows": 20,
    "columns": ["question", "good", "bad"],
    "mapping": {"prompt": "question", "chosen": "good", "rejected": "bad"},
    "lengths": {"unit": "tokens", "tokensPerRow": 44.0},
    "model": {
        "parameters": 98000,
        "architecture": "Qwen2ForCausalLM",
        "modelType": "qwen2",
        "dtype": "float32",
        "hiddenSize": 64,
        "intermediateSize": 128,
        "layers": 2,
        "attentionHeads": 4,
        "keyValueHeads": 2,
        "headDim": 16,
        "vocabulary": 512,
        "contextLength": 2048,
        "embeddingParameters": 32768,
        "tiedEmbeddings": True,
        "linearParameters": 65000,
        "adapterParametersPerRank": 2000,
        "activeParameters": 98000,
        "chatTemplate": True,
        "source": "tiny/chat",
    },
    "source": "tiny/pairs",
}


def foreign_job(name: str) -> dict[str, Any]:
    """A Kubernetes Job that does not belong to any DPOJob."""
    pod = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}
        },
        "containers": [{
            "name": "c", "image": "any",
            "securityContext": {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}
            },
        }],
    }  # fmt: skip
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def succeeded(**progress: Any) -> dict[str, Any]:
    figures = {"stage": "Done", "step": 123, "maxSteps": 123, "margin": 1.25, **progress}
    return {
        "outcome": "Succeeded",
        "reason": "Completed",
        "message": "Trained 123 steps.",
        "progress": figures,
        "artifacts": {"kind": "model", "maxLength": 1024},
        "samples": [{"prompt": "hi", "before": "x", "after": "y"}],
    }


def failed(reason: str, message: str, **progress: Any) -> dict[str, Any]:
    return {"outcome": "Failed", "reason": reason, "message": message, "progress": progress}


def pool(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "GPUPool",
        "metadata": {"name": name, "labels": {"test": namespace}},
        "spec": {
            "gpu": {"model": "T4", "memoryGiB": 16, "bf16": False},
            "modelSize": {"min": "0", "max": "7B"},
            "hourlyPrice": "3600",
            "nodeSelector": {"test": namespace},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            **spec,
        },
    }
