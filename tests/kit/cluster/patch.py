"""A merge patch of an object, apart from the client that sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Patch:
    """A JSON merge patch."""

    body: dict[str, Any]
    subresource: str = ""
