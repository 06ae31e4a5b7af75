"""Errors as the API server answers them."""

from __future__ import annotations

from typing import Any

REASONS = {409: "Conflict", 410: "Expired", 422: "Invalid", 429: "TooManyRequests"}


def status_body(code: int) -> dict[str, Any]:
    """The Status that comes with an HTTP status, or in a watch."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "made up by the fault harness",
        "reason": REASONS.get(code, "InternalError"),
        "code": code,
    }
