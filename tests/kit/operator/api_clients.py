"""Stand-ins for the operator's API client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any


class FakeReader:
    """A stand-in for the API client: `get` returns the objects in `objects`."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    async def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get(name)


class Recorder:
    """A stand-in for the API client that records its requests and lists the given objects by kind."""

    def __init__(self, listed: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.asked: list[str] = []
        self._listed = listed or {}

    async def get(self, resource: Any, namespace: str | None, name: str) -> dict[str, Any] | None:
        self.asked.append(f"get {resource.plural}")
        if resource.plural != "jobs":
            return None
        return {"metadata": {"name": name, "uid": "u"}}

    async def list(self, resource: Any, *_: Any) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(f"list {resource.plural}")
        for one in self._listed.get(resource.plural, []):
            yield one
