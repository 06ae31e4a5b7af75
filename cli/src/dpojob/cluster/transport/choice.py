"""Which transport leads to a cluster."""

from __future__ import annotations

import os

from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.errors import CommandError

from .direct import DirectTransport
from .exchange import Transport

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
"""Variables of the environment that name a proxy, in small or capital letters."""


def open_transport(access: ClusterAccess) -> Transport:
    """Chooses how requests reach a cluster; nothing is sent yet.

    Args:
        access: The cluster and the user's credentials.

    Returns:
        A direct transport, or one that knows proxies where the kubeconfig or the environment names one.

    Raises:
        CommandError: The kubeconfig's address of the server is not a valid URL.
    """
    named = (os.environ.get(case) for name in PROXY_VARIABLES for case in (name, name.upper()))
    try:
        if access.proxy is None and not any(named):
            return DirectTransport(access)
        # Imported here, since its HTTP client takes longer to import than all else a command needs.
        from .proxied import ProxiedTransport

        return ProxiedTransport(access)
    except ValueError as error:
        raise CommandError(
            f"the kubeconfig's server {access.server!r} is no address such as https://host:6443: {error}",
            reason=None,
        ) from error
