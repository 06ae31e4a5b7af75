"""Where the cluster is and who the user is there: from kubeconfig files, or from inside a pod.

Follows kubectl: the files of KUBECONFIG are merged, the first to name a thing wins; without any file, a pod's
service account (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dpojob.errors import CommandError

from .credentials import UserCredentials, user_credentials

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod has the token of its service account, the API server's CA and its namespace."""


class NoClusterError(CommandError):
    """No kubeconfig and no service account says where a cluster is."""


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach the API server.

    Attributes:
        server: Its address, without a slash at the end.
        namespace: The namespace of requests that name none.
        tls: Trust and client certificate; None for an address that begins with http://.
        headers: Headers of every request, with the user's token where there is one.
        proxy: Address of a proxy; None for none.
        tls_name: The name that the server's certificate must have; None for the host of its address.
    """

    server: str
    namespace: str
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]
    proxy: str | None = None
    tls_name: str | None = None


def load_access(context: str | None = None, namespace: str | None = None) -> ClusterAccess:
    """Finds the cluster and the user's credentials.

    Args:
        context: A context of the kubeconfig; None for its current one.
        namespace: The namespace of requests that name none; None for that of the context.

    Returns:
        How to reach the API server.

    Raises:
        NoClusterError: No file and no service account names a cluster.
        CommandError: The kubeconfig cannot be used.
    """
    merged = _read_all()
    if not merged.contexts and context is None:
        if (SERVICE_ACCOUNT / "token").is_file() and "KUBERNETES_SERVICE_HOST" in os.environ:
            return _in_pod(namespace)
        raise NoClusterError(
            "no cluster is configured: there is no kubeconfig (KUBECONFIG, ~/.kube/config), and this is no pod",
            reason=None,
        )
    name = context or merged.current
    if name not in merged.contexts:
        known = ", ".join(sorted(merged.contexts)) or "none"
        raise CommandError(f"the kubeconfig has no context {name!r}; it has: {known}", reason=None)
    chosen = merged.contexts[name]
    cluster, base = _entry(merged.clusters, chosen.get("cluster"), "cluster")
    user, user_base = _entry(merged.users, chosen.get("user"), "user")
    server = str(cluster.get("server", "")).rstrip("/")
    credentials = user_credentials(user, user_base, cluster)
    return ClusterAccess(
        server=server,
        namespace=namespace or chosen.get("namespace") or "default",
        tls=_tls(cluster, base, credentials) if server.startswith("https:") else None,
        headers=credentials.headers,
        proxy=cluster.get("proxy-url"),
        tls_name=cluster.get("tls-server-name"),
    )


def kubeconfig_paths() -> list[Path]:
    """Lists the files that hold the kubeconfig.

    Returns:
        Those of KUBECONFIG, else ~/.kube/config; they need not exist.
    """
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in named] or [Path.home() / ".kube/config"]


def context_names() -> list[str]:
    """Lists the contexts of the kubeconfig.

    Returns:
        Their names, for completion; empty where no file can be read.
    """
    try:
        return sorted(_read_all().contexts)
    except CommandError:
        return []


def user_namespaces(context: str | None = None) -> list[str]:
    """Lists the namespaces that the kubeconfig names for the user of a context.

    Args:
        context: The context; None for the current one.

    Returns:
        The context's own namespace first, then those of other contexts with the same cluster and user; empty where
        the kubeconfig has no such context, as in a pod.

    Raises:
        CommandError: A file cannot be read.
    """
    merged = _read_all()
    chosen = merged.contexts.get(context or merged.current)
    if chosen is None:
        return []
    same = [
        each
        for each in merged.contexts.values()
        if (each.get("cluster"), each.get("user")) == (chosen.get("cluster"), chosen.get("user"))
    ]
    return list(dict.fromkeys(str(each.get("namespace") or "default") for each in [chosen, *same]))


@dataclass(frozen=True)
class _Merged:
    """The entries of all files, with the directory to which relative paths in each refer."""

    current: str
    contexts: dict[str, JSONObject]
    clusters: dict[str, tuple[JSONObject, Path]]
    users: dict[str, tuple[JSONObject, Path]]


def _read_all() -> _Merged:
    return _merge([(path, _read(path)) for path in kubeconfig_paths() if path.is_file()])


def _read(path: Path) -> JSONObject:
    try:
        # The parser in C, which PyYAML lacks where it was built without libyaml, as pip does for a platform
        # that has no wheel of it.
        content = yaml.load(
            path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CommandError(f"the kubeconfig {path} cannot be read: {error}", reason=None) from error
    return content if isinstance(content, dict) else {}


def _merge(files: list[tuple[Path, JSONObject]]) -> _Merged:
    merged = _Merged("", {}, {}, {})
    current = ""
    for path, content in files:
        current = current or str(content.get("current-context") or "")
        for name, value in _named(content, "contexts", "context"):
            merged.contexts.setdefault(name, value)
        for name, value in _named(content, "clusters", "cluster"):
            merged.clusters.setdefault(name, (value, path.parent))
        for name, value in _named(content, "users", "user"):
            merged.users.setdefault(name, (value, path.parent))
    return _Merged(current, merged.contexts, merged.clusters, merged.users)


def _named(content: JSONObject, several: str, one: str) -> Iterator[tuple[str, JSONObject]]:
    for entry in content.get(several) or []:
        yield str(entry.get("name")), entry.get(one) or {}


def _entry(
    entries: dict[str, tuple[JSONObject, Path]], name: Any, kind: str
) -> tuple[JSONObject, Path]:
    if name not in entries:
        raise CommandError(
            f"the kubeconfig names the {kind} {name!r} and does not hold it", reason=None
        )
    return entries[name]


def _in_pod(namespace: str | None) -> ClusterAccess:
    host, port = (
        os.environ["KUBERNETES_SERVICE_HOST"],
        os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
    )
    token = (SERVICE_ACCOUNT / "token").read_text().strip()
    return ClusterAccess(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace or (SERVICE_ACCOUNT / "namespace").read_text().strip(),
        tls=ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt")),
        headers={"Authorization": f"Bearer {token}"},
    )


def _tls(cluster: JSONObject, base: Path, credentials: UserCredentials) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=_authority(cluster, base))
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credentials.certificate is not None and credentials.key is not None:
            with (
                _private_file(credentials.certificate) as certificate,
                _private_file(credentials.key) as key,
            ):
                context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise CommandError(
            f"the kubeconfig's certificates cannot be used: {error}", reason=None
        ) from error
    return context


def _authority(cluster: JSONObject, base: Path) -> str | None:
    """The CA's certificates as PEM; None for those that the machine trusts."""
    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(data).decode()
    if file := cluster.get("certificate-authority"):
        return (base / str(file)).read_text()
    return None


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """A file that only this user may read: ssl takes certificates and keys from files alone."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name
