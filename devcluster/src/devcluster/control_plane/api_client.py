"""Requests to the API server, and a client on the standard library: for this package, tests and tools.

`Request` does no I/O, so that the client of `tests.kit.api`, which runs on an event loop, sends the same requests.
"""

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from devcluster.control_plane import kubeconfig
from devcluster.control_plane.certificates import KeyPair
from devcluster.host.errors import DevclusterError

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
REQUEST_SECONDS = 60.0
"""Longest wait for the next bytes of an answer: an API server that has to share the cores has taken 32 s."""


class ApiError(DevclusterError):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One request, without the connection that sends it."""

    method: str
    path: str
    body: object = None
    content_type: str = JSON

    @property
    def data(self) -> bytes | None:
        """The encoded body, or bytes as they are; None without a body."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers, by which the answer is not compressed."""
        return {"Content-Type": self.content_type, "Accept-Encoding": "identity"}

    def decode(self, status: int, text: bytes, loads: Callable[[bytes], Any] = json.loads) -> Any:
        """The answer: JSON as `loads` parses it, or text where it is not JSON. Raises ApiError."""
        try:
            answer = loads(text)
        except ValueError:
            answer = text.decode(errors="replace")
        if status >= 400:
            shown = text[:1000].decode(errors="replace")
            raise ApiError(status, f"{self.method} {self.path}: {status} {shown}")
        return answer


def labelled(path: str, labels: Mapping[str, str]) -> str:
    """The path of a collection, reduced to the objects that have the labels."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return f"{path}?labelSelector={quote(selector)}"


class Api:
    """One connection, kept open; reconnects when the server closed it."""

    def __init__(
        self, server: str, tls: ssl.SSLContext | None, timeout: float = REQUEST_SECONDS
    ) -> None:
        self._connection = http.client.HTTPSConnection(
            urlsplit(server).netloc, timeout=timeout, context=tls
        )

    @classmethod
    def with_certificate(cls, port: int, authority: Path, client: KeyPair) -> "Api":
        """Make a client for a server on this machine."""
        tls = ssl.create_default_context(cafile=str(authority))
        tls.load_cert_chain(client.certificate, client.key)
        return cls(f"https://127.0.0.1:{port}", tls)

    @classmethod
    def from_kubeconfig(cls, path: Path, timeout: float = REQUEST_SECONDS) -> "Api":
        """Make a client for the server and the user of a kubeconfig."""
        return cls(*kubeconfig.read(path), timeout)

    def call(self, method: str, path: str, body: object = None, content_type: str = JSON) -> Any:
        """The answer. Raises ApiError, and OSError when the server cannot be reached."""
        request = Request(method, path, body, content_type)
        try:
            self._connection.request(method, path, request.data, request.headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise OSError(f"{method} {path}: {error}") from error
        return request.decode(response.status, text)

    def get(self, path: str) -> dict[str, Any] | None:
        """The object, or None."""
        try:
            return dict(self.call("GET", path))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str) -> list[dict[str, Any]]:
        """All objects of a collection."""
        return list(self.call("GET", path)["items"])

    def merge(self, path: str, body: object) -> None:
        """Send a JSON merge patch."""
        self.call("PATCH", path, body, MERGE_PATCH)

    def apply(self, path: str, body: dict[str, Any]) -> None:
        """Server-side apply, so that doing it again changes nothing."""
        self.call("PATCH", f"{path}?fieldManager=devcluster&force=true", body, APPLY_PATCH)

    def ready(self) -> bool:
        """Whether the server serves."""
        try:
            self.call("GET", "/readyz")
        except (OSError, ApiError):
            return False
        return True
