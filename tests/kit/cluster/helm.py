"""Helm, and the chart as it renders it."""

from __future__ import annotations

import subprocess
from typing import Any

import yaml
from tests.kit.repository import ROOT

CHART = ROOT / "charts/dpojob"
SERVED = "dpojob.dev/v1alpha1/GPUPool"


class Helm:
    """The `helm` command on a cluster."""

    def __init__(self, cluster: Any) -> None:
        self._command = [str(cluster.bin("helm")), "--kubeconfig", str(cluster.kubeconfig)]
        self._rendered: dict[tuple[str, ...], str] = {}

    def __call__(self, *arguments: str) -> str:
        """Run a command; its output."""
        command = [*self._command, *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """What Helm says where a command fails; empty where it does not."""
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        return done.stderr if done.returncode else ""

    def template(self, *values: str, namespace: str = "dpojob-system") -> str:
        """The rendered chart, as a cluster gets it that serves its kinds already."""
        cluster = ("--namespace", namespace, "--kube-version", "1.35.0", "--api-versions", SERVED)
        command = ("template", "dpojob", str(CHART), *cluster, *values)
        if command not in self._rendered:
            self._rendered[command] = self(*command)
        return self._rendered[command]

    def render(self, *values: str) -> list[dict[str, Any]]:
        """The objects of the rendered chart."""
        return [document for document in yaml.safe_load_all(self.template(*values)) if document]


def of_kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of the objects that have a kind."""
    return [document for document in documents if document["kind"] == kind]


def environment(documents: list[dict[str, Any]]) -> dict[str, str]:
    """The variables of the operator's container."""
    (deployment,) = of_kind(documents, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}
