"""The service account that the chart installs: what it is granted, and a kubeconfig with its token."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.kit.fork_server.client import ROOT

Permission = tuple[str, str, str]
"""API group (empty for the core group), resource with subresource, verb."""


@dataclass(frozen=True)
class Account:
    """An installed service account."""

    name: str
    namespace: str
    kubeconfig: Path
    granted: frozenset[tuple[str, Permission]]
    """What the chart's rules allow, each with the role that holds the rule."""

    @property
    def user(self) -> str:
        """The user name by which the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


def render(cluster: Any, release: str, namespace: str, *templates: str, **values: str) -> str:
    """Templates of the chart as a release in a namespace renders them."""
    command = [
        str(cluster.bin("helm")), "template", release, str(ROOT / "charts/dpojob"),
        "--namespace", namespace, "--kube-version", "1.35.0",
    ]  # fmt: skip
    for name, value in values.items():
        command += ["--set", f"{name}={value}"]
    for template in templates:
        command += ["--show-only", f"templates/{template}.yaml"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def permissions(rendered: str) -> frozenset[tuple[str, Permission]]:
    """Every verb that rendered Roles and ClusterRoles grant."""
    return frozenset(
        (f'{role["kind"]} "{role["metadata"]["name"]}"', (group, resource, verb))
        for role in yaml.safe_load_all(rendered)
        if role and role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


def install(cluster: Any, name: str, namespace: str, kubeconfig: Path, **values: str) -> Account:
    """Applies the chart's service account and rules, and writes a kubeconfig of it."""
    rendered = render(cluster, name, namespace, "rbac", "serviceaccount", **values)

    def kubectl(*arguments: str, input: str | None = None) -> str:
        return str(cluster.kubectl("-n", namespace, *arguments, input=input).stdout)

    kubectl("apply", "-f", "-", input=rendered)
    token = kubectl("create", "token", name, "--duration=24h").strip()
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": "operator", "user": {"token": token}}]
    context = config["contexts"][0]
    context["context"]["user"] = "operator"
    config["current-context"] = context["name"]
    kubeconfig.write_text(json.dumps(config))
    return Account(name, namespace, kubeconfig, permissions(rendered))
