"""A small client of the API server, on the standard library: for this package, tests and tools."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devcluster.control_plane import kubeconfig
from devcluster.control_plane.certificates import KeyPair
from devcluster.host.errors import DevclusterError

MERGE_PATCH = "application/merge-patch+json"


class Api:
    """One connection, kept open; reconnects when the server closed it."""

    def __init__(self, server: str, tls: ssl.SSLContext | None, timeout: float = 10.0) -> None:
        self._connection = http.client.HTTPSConnection(
            urlsplit(server).netloc, timeout=timeout, context=tls
        )

    @classmethod
    def with_certificate(cls, port: int, authority: Path, client: KeyPair) -> "Api":
        """For a server on this machine."""
        tls = ssl.create_default_context(cafile=str(authority))
        tls.load_cert_chain(client.certificate, client.key)
        return cls(f"https://127.0.0.1:{port}", tls)

    @classmethod
    def from_kubeconfig(cls, path: Path, timeout: float = 10.0) -> "Api":
        """For the server and the user of a kubeconfig."""
        return cls(*kubeconfig.read(path), timeout)

    def call(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """The status and the decoded answer; raises OSError when the server cannot be reached."""
        data = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, path, data, {"Content-Type": content_type})
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise OSError(f"{method} {path}: {error}") from error
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode(errors="replace")

    def get(self, path: str) -> Any:
        """An object or a list that must be there."""
        status, answer = self.call("GET", path)
        if status != 200:
            raise DevclusterError(f"GET {path}: {status} {answer}")
        return answer

    def apply(self, path: str, body: dict[str, Any]) -> None:
        """Server-side apply, so that doing it again changes nothing."""
        query = "?fieldManager=devcluster&force=true"
        status, answer = self.call("PATCH", path + query, body, "application/apply-patch+yaml")
        if status not in (200, 201):
            raise DevclusterError(f"apply {path}: {status} {answer}")

    def ready(self) -> bool:
        """Whether the server serves."""
        try:
            return self.call("GET", "/readyz")[0] == 200
        except OSError:
            return False
