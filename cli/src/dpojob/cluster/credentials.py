"""The user's credentials in a kubeconfig: certificate, token, password, or a plugin that gives one of them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dpojob.errors import CommandError

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

PLUGIN_SECONDS = 120
"""Longest time for a plugin, which may wait for a browser."""


@dataclass(frozen=True)
class UserCredentials:
    """What identifies the user to the API server.

    Attributes:
        headers: Headers of every request.
        certificate: A client certificate as PEM; None for none.
        key: Its private key as PEM; None for none.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: bytes | None = None
    key: bytes | None = None


def user_credentials(user: JSONObject, base: Path, cluster: JSONObject) -> UserCredentials:
    """Reads the credentials of a user entry.

    Args:
        user: The entry of the kubeconfig.
        base: The directory to which relative paths in it refer.
        cluster: The entry of the cluster, which a plugin may ask for.

    Returns:
        The credentials; empty ones for an anonymous user.

    Raises:
        CommandError: A file cannot be read, or a plugin fails.
    """
    if "exec" in user:
        given = _from_plugin(user["exec"], base, cluster)
        return replace(given, headers={**given.headers, **_impersonation(user)})
    try:
        certificate = _bytes(user, "client-certificate", base)
        key = _bytes(user, "client-key", base)
        token = user.get("token")
        if "tokenFile" in user:
            token = (base / user["tokenFile"]).read_text().strip()
    except (OSError, ValueError) as error:
        raise CommandError(
            f"the kubeconfig's credentials cannot be read: {error}", reason=None
        ) from error
    headers: dict[str, str] = {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif "username" in user:
        pair = f"{user['username']}:{user.get('password', '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return UserCredentials(headers | _impersonation(user), certificate, key)


def _impersonation(user: JSONObject) -> dict[str, str]:
    """Headers by which another user is acted as; what cannot be sent is refused, since it would change the rights."""
    groups = user.get("as-groups") or []
    if len(groups) > 1 or user.get("as-user-extra"):
        raise CommandError(
            "the kubeconfig acts as another user with several groups (as-groups) or extra fields (as-user-extra), which "
            "dpojob does not send: use a context without them",
            reason=None,
        )
    named = {
        "Impersonate-User": user.get("as"),
        "Impersonate-Uid": user.get("as-uid"),
        "Impersonate-Group": groups[0] if groups else None,
    }
    return {name: str(value) for name, value in named.items() if value}


def _bytes(user: JSONObject, name: str, base: Path) -> bytes | None:
    if data := user.get(f"{name}-data"):
        return base64.b64decode(data)
    return (base / user[name]).read_bytes() if user.get(name) else None


def _from_plugin(plugin: JSONObject, base: Path, cluster: JSONObject) -> UserCredentials:
    """Runs a credential plugin (https://kubernetes.io/docs/reference/access-authn-authz/authentication/)."""
    command = str(plugin.get("command", ""))
    if os.sep in command:
        command = str(base / command)
    interactive = plugin.get("interactiveMode", "IfAvailable") != "Never" and sys.stdin.isatty()
    version = plugin.get("apiVersion", "client.authentication.k8s.io/v1")
    request: JSONObject = {
        "apiVersion": version,
        "kind": "ExecCredential",
        "spec": {"interactive": interactive},
    }
    if plugin.get("provideClusterInfo"):
        request["spec"]["cluster"] = {
            name: cluster[name]
            for name in ("server", "certificate-authority-data", "tls-server-name")
            if name in cluster
        }
    variables = {str(pair["name"]): str(pair["value"]) for pair in plugin.get("env") or []}
    try:
        done = subprocess.run(
            [command, *map(str, plugin.get("args") or [])],
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(request)},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE, timeout=PLUGIN_SECONDS, check=True,
        )  # fmt: skip
        status = json.loads(done.stdout)["status"]
    except FileNotFoundError as error:
        hint = f"; {plugin['installHint'].strip()}" if plugin.get("installHint") else ""
        raise CommandError(
            f"the kubeconfig's plugin {command} is not installed{hint}", reason=None
        ) from error
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise CommandError(
            f"the kubeconfig's plugin {command} failed: {error}", reason=None
        ) from error
    token, certificate, key = (
        status.get(name) for name in ("token", "clientCertificateData", "clientKeyData")
    )
    return UserCredentials(
        {"Authorization": f"Bearer {token}"} if token else {},
        certificate.encode() if certificate else None,
        key.encode() if key else None,
    )
