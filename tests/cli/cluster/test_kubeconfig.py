"""Kubeconfigs as kubectl reads them: several files, contexts, credentials, plugins, and a pod's own account."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dpojob.cluster import kubeconfig
from dpojob.cluster.kubeconfig import (
    NoClusterError,
    context_names,
    load_access,
    user_namespaces,
)
from dpojob.errors import CommandError


def config(name: str, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": f"ns-{name}"}}],
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}:8001/", **cluster}}],
        "users": [{"name": name, "user": user}],
    }  # fmt: skip


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(*configs: dict[str, Any]) -> None:
        paths = []
        for number, content in enumerate(configs):
            path = tmp_path / f"{number}.yaml"
            path.write_text(yaml.safe_dump(content))
            paths.append(str(path))
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(paths))

    return write


def test_files_are_merged_and_the_first_names_the_context(write: Any) -> None:
    write(config("one", {"token": "t1"}), config("two", {"token": "t2"}))
    found = load_access()
    assert (found.server, found.namespace) == ("http://one:8001", "ns-one")
    assert found.headers == {"Authorization": "Bearer t1"}
    other = load_access("two", "mine")
    assert (other.server, other.namespace) == ("http://two:8001", "mine")
    assert context_names() == ["one", "two"]
    with pytest.raises(CommandError, match="it has: one, two"):
        load_access("three")


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"tokenFile": "token.txt"}, "Bearer from-file"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, None),
    ],
)
def test_credentials(write: Any, tmp_path: Path, user: dict[str, str], header: str | None) -> None:
    (tmp_path / "token.txt").write_text("from-file\n")
    write(config("one", user))
    assert load_access().headers.get("Authorization") == header


def test_a_plugin_gives_the_token(write: Any, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!{sys.executable}\nimport json, os\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = os.environ['WHO'] + '@' + info['spec']['cluster']['server']\n"
        "print(json.dumps({'status': {'token': token}}))\n"
    )
    plugin.chmod(0o755)
    exec_ = {
        "command": "./plugin", "env": [{"name": "WHO", "value": "me"}], "provideClusterInfo": True,
        "apiVersion": "client.authentication.k8s.io/v1",
    }  # fmt: skip
    write(config("one", {"exec": exec_}))
    assert load_access().headers == {"Authorization": "Bearer me@http://one:8001/"}
    write(config("one", {"exec": {"command": "no-such-plugin", "installHint": "install it"}}))
    with pytest.raises(CommandError, match="no-such-plugin is not installed; install it"):
        load_access()


def test_another_user_may_be_acted_as(write: Any, tmp_path: Path) -> None:
    acting = {"as": "ops", "as-uid": "7", "as-groups": ["team-a"]}
    wanted = {"Impersonate-User": "ops", "Impersonate-Uid": "7", "Impersonate-Group": "team-a"}
    write(config("one", {"token": "t", **acting}))
    assert load_access().headers == {"Authorization": "Bearer t", **wanted}
    plugin = tmp_path / "plugin"
    plugin.write_text(f'#!{sys.executable}\nprint(\'{{"status": {{"token": "p"}}}}\')\n')
    plugin.chmod(0o755)
    write(config("one", {"exec": {"command": "./plugin"}, **acting}))
    assert load_access().headers == {"Authorization": "Bearer p", **wanted}
    for more in ({"as-groups": ["a", "b"]}, {"as-user-extra": {"reason": ["x"]}}):
        write(config("one", {"token": "t", "as": "ops", **more}))
        with pytest.raises(CommandError, match="which dpojob does not send"):
            load_access()


def test_a_pod_uses_its_service_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(NoClusterError, match="no cluster is configured"):
        load_access()
    (tmp_path / "token").write_text("abc")
    (tmp_path / "namespace").write_text("team-a")
    authority = Path(__import__("certifi").where()).read_text()
    (tmp_path / "ca.crt").write_text(authority)
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    found = load_access()
    assert (found.server, found.namespace) == ("https://10.0.0.1:443", "team-a")
    assert found.headers == {"Authorization": "Bearer abc"}


def test_the_namespaces_of_one_cluster_and_user_are_found(write: Any) -> None:
    def context(name: str, cluster: str, user: str, namespace: str | None = None) -> dict[str, Any]:
        return {"name": name, "context": {"cluster": cluster, "user": user, "namespace": namespace}}

    contexts = [
        context("b", "c", "me", "team-b"), context("a", "c", "me", "team-a"), context("d", "c", "me"),
        context("other", "c", "you", "team-c"), context("far", "x", "me", "team-d"),
    ]  # fmt: skip
    write({"current-context": "a", "contexts": contexts})
    assert user_namespaces() == ["team-a", "team-b", "default"]
    assert user_namespaces("far") == ["team-d"]
    write({})
    assert user_namespaces() == []
