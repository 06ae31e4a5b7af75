"""Reads of the API server without a process for each: tests wait by reading again and again."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.kit.api_client import connection

CORE, OURS = "/api/v1", "/apis/dpojob.dev/v1alpha1"
PATHS = {
    "dpojob": f"{OURS}/namespaces/{{}}/dpojobs",
    "gpupool": f"{OURS}/gpupools",
    "job": "/apis/batch/v1/namespaces/{}/jobs",
    "pod": f"{CORE}/namespaces/{{}}/pods",
    "pvc": f"{CORE}/namespaces/{{}}/persistentvolumeclaims",
    "quota": f"{CORE}/namespaces/{{}}/resourcequotas",
}
"""By kind, as kubectl's short names have it."""


class Reader:
    """One connection that is kept."""

    def __init__(self, kubeconfig: Path) -> None:
        server, self._tls = connection(kubeconfig)
        self._host = urlsplit(server).netloc
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, or None."""
        return self._read(f"{PATHS[kind].format(namespace)}/{name}")

    def list(self, kind: str, namespace: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        """Those with all these labels."""
        selector = quote(",".join(f"{name}={value}" for name, value in labels.items()))
        path = PATHS[kind.removesuffix("s")].format(namespace)
        found = self._read(f"{path}?labelSelector={selector}")
        return list((found or {"items": []})["items"])

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            return self._ask(path)
        except (http.client.HTTPException, OSError):
            self._connection = None  # the server closed it meanwhile
            return self._ask(path)

    def _ask(self, path: str) -> dict[str, Any] | None:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._host, context=self._tls, timeout=30
            )
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status == 404:
            return None
        assert answer.status == 200, f"{path}: {answer.status} {text[:500]!r}"
        return dict(json.loads(text))
