"""The smallest client for the API server that this package needs, on the standard library."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from devcluster.control_plane.certificates import KeyPair
from devcluster.host.errors import DevclusterError


class Api:
    """One connection, kept open; reconnects when the server went away."""

    def __init__(self, port: int, authority: Path, client: KeyPair, timeout: float = 10.0) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(client.certificate, client.key)
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=timeout, context=context
        )

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
