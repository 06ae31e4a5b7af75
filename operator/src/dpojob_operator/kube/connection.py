"""One HTTP session to the API server, with the address and credentials of a kubeconfig or a service account.

`kubernetes.aio` reads the credentials and renews them; requests go through aiohttp directly. The session does
not trust the environment: it would read the user's .netrc, in a thread, for every request. The proxy that the
environment names is looked up once.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp.helpers import get_env_proxy_for_url
from kubernetes.aio import client, config
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from dpojob_api.base import JSONObject

from .bounded_body import NO_COMPRESSION

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
MAX_CONNECTIONS = 100
"""The connections at once; aiohttp's default."""
MERGE_PATCH = "application/merge-patch+json"


def inside_cluster() -> bool:
    """Whether this process runs in a pod with a service account, and `KUBECONFIG` is not set."""
    return "KUBECONFIG" not in os.environ and SERVICE_ACCOUNT.exists()


class Connection:
    """A pool of connections to the API server; `open` it before the first request."""

    def __init__(self) -> None:
        self._configuration: Any = None
        self._session: aiohttp.ClientSession | None = None
        self._options: dict[str, Any] = {}
        self._host = ""

    async def open(self) -> None:
        """Reads the credentials and opens the session."""
        self._configuration = client.Configuration()
        if inside_cluster():
            config.load_incluster_config(client_configuration=self._configuration)
        else:
            await config.load_kube_config(client_configuration=self._configuration)
        self._host = self._configuration.host.rstrip("/")
        self._options = _request_options(self._configuration)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MAX_CONNECTIONS, ssl=RESTClientObject(self._configuration).ssl_context
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept": "application/json",
                "User-Agent": "dpojob-operator",
                **NO_COMPRESSION,
            },
            read_bufsize=2**21,
            timeout=aiohttp.ClientTimeout(total=None),  # callers bound the time of each request
        )

    async def close(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]] | None = None,
        body: JSONObject | None = None,
        headers: dict[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        """Sends a request; returns the response with its headers, whose body is not yet read.

        Args:
            method: Such as GET.
            path: On the API server, quoted.
            query: Names and values of the query, not quoted.
            body: Sent as JSON; of a PATCH, a JSON merge patch.
            headers: Beside those of every request.

        Returns:
            The response.

        Raises:
            aiohttp.ClientError: The server did not answer.
        """
        assert self._session is not None
        sent = dict(headers or {})
        authorization = (await self._configuration.auth_settings()).get("BearerToken")
        if authorization is not None and authorization["value"]:
            sent["Authorization"] = authorization["value"]
        data = None
        if body is not None:
            data = orjson.dumps(body)
            sent["Content-Type"] = MERGE_PATCH if method == "PATCH" else "application/json"
        url = URL(self._host + path, encoded=True)
        return await self._session.request(
            method,
            url.with_query(query) if query else url,
            data=data,
            headers=sent,
            **self._options,
        )


def _request_options(configuration: Any) -> dict[str, Any]:
    """The options of every request: the proxy, and the name in the server's certificate."""
    options: dict[str, Any] = {}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    if configuration.proxy:
        options["proxy"] = configuration.proxy
        options["proxy_headers"] = configuration.proxy_headers
        return options
    with contextlib.suppress(LookupError):  # the environment names no proxy for this server
        options["proxy"], options["proxy_auth"] = get_env_proxy_for_url(URL(configuration.host))
    return options
