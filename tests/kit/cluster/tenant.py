"""A tenant: a service account with the role `edit` in some namespaces, as a kubeconfig."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.kit.waiting import wait_until

POOL_VIEWER = "dpojob-pool-viewer"
"""The chart's ClusterRole for reading pools."""


def write_tenant_kubeconfig(
    cluster: Any, namespaces: Sequence[str], path: Path, *, pools: bool = True
) -> None:
    """Makes the account and its rights, and writes a kubeconfig of it.

    The cluster has the chart's user roles. The kubeconfig has a context for each namespace, the first is the
    current one.

    Args:
        cluster: A devcluster or a pytest fixture with its `kubectl`.
        namespaces: Existing namespaces; the account is in the first.
        path: The kubeconfig.
        pools: Whether the tenant may read pools.
    """
    home = namespaces[0]
    account = f"--serviceaccount={home}:tenant"
    cluster.kubectl("-n", home, "create", "serviceaccount", "tenant")
    for namespace in namespaces:
        cluster.kubectl(
            "-n", namespace, "create", "rolebinding", "tenant", "--clusterrole=edit", account
        )
    if pools:
        cluster.kubectl(
            "create", "clusterrolebinding", f"pools-{home}", f"--clusterrole={POOL_VIEWER}", account
        )
    user = f"--as=system:serviceaccount:{home}:tenant"

    def may_create() -> bool:
        asked = ("auth", "can-i", "create", "dpojobs.dpojob.dev", user)
        return str(cluster.kubectl("-n", home, *asked, check=False).stdout).strip() == "yes"

    # A controller adds the chart's rules to the role edit.
    wait_until(may_create, "the role edit has the chart's rights")
    token = cluster.kubectl("-n", home, "create", "token", "tenant", "--duration=2h").stdout
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)
    name = config["clusters"][0]["name"]
    config["users"] = [{"name": "tenant", "user": {"token": token.strip()}}]
    config["contexts"] = [
        {"name": each, "context": {"cluster": name, "user": "tenant", "namespace": each}}
        for each in namespaces
    ]
    config["current-context"] = home
    path.write_text(json.dumps(config))


def delete_pool_rights(cluster: Any, namespaces: Sequence[str]) -> None:
    """Deletes what outlives the namespaces.

    Args:
        cluster: As above.
        namespaces: As above.
    """
    name = f"pools-{namespaces[0]}"
    cluster.kubectl("delete", "clusterrolebinding", name, "--ignore-not-found", check=False)


def tenant_variables(cluster: Any, kubeconfig: Path) -> dict[str, str]:
    """Gives the variables of a process that works with a tenant's rights.

    Args:
        cluster: As above.
        kubeconfig: The tenant's kubeconfig.

    Returns:
        KUBECONFIG, and a PATH with kubectl.
    """
    kubectl = Path(cluster.bin("kubectl"))
    return {"KUBECONFIG": str(kubeconfig), "PATH": f"{kubectl.parent}:{os.environ['PATH']}"}
