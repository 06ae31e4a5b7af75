"""The service account that the chart installs: what it is granted, and a kubeconfig with its token."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from tests.kit.repository import ROOT
from tests.kit.waiting import wait_until

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


def _roles(rendered: str) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(rendered):
        if document and document["kind"] in ("Role", "ClusterRole"):
            yield document


def permissions(rendered: str) -> frozenset[tuple[str, Permission]]:
    """Every verb that rendered Roles and ClusterRoles grant."""
    return frozenset(
        (f'{role["kind"]} "{role["metadata"]["name"]}"', (group, resource, verb))
        for role in _roles(rendered)
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
    account = Account(name, namespace, kubeconfig, permissions(rendered))
    for role in _roles(rendered):
        # The API server learns of new rules by a watch; until then it refuses what they allow.
        wait_until(
            partial(_is_allowed, cluster, account, role), f"{name} has the rights of {role['kind']}"
        )
    return account


def _is_allowed(cluster: Any, account: Account, role: dict[str, Any]) -> bool:
    """Whether the API server allows the account what a role grants."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": role["metadata"].get("namespace", account.namespace)},
    }
    create = ("create", "--validate=false", f"--as={account.user}", "-o", "json", "-f", "-")
    answer = json.loads(cluster.kubectl(*create, input=json.dumps(review)).stdout)
    return _named(role["rules"]) <= _named(answer["status"]["resourceRules"])


def _named(rules: list[dict[str, Any]]) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """What rules allow: group, resource, verb, and the names to which it is limited."""
    return {
        (group, resource, verb, tuple(rule.get("resourceNames") or ()))
        for rule in rules
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
        for verb in rule["verbs"]
    }
