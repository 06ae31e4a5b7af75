"""Answers of the API server that refuse a request, as errors with a hint."""

from __future__ import annotations

import json
from typing import Any

from dpojob.errors import CommandError
from dpojob_api.constants import ExitCode

from .resources import DPOJOBS, POOLS

UNAUTHORIZED = 401
"""HTTP status of credentials that are unknown, or have expired."""
FORBIDDEN = 403
"""HTTP status of a request that the user has no right to."""
NOT_FOUND = 404
"""HTTP status of an object, or a kind of object, that does not exist."""
EXPIRED = 410
"""HTTP status of a watch from a resource version that the API server holds no more."""

NO_CRDS = """
The DPOJob CRDs are not installed in this cluster. An administrator installs DPOJob with its Helm chart, which has them
unless crds.enabled is false"""


class ApiError(CommandError):
    """A request that the API server refused.

    Args:
        status: The HTTP status.
        api_reason: The reason of the Status object; the HTTP status as text where there is none.
        message: The text for the user.

    Attributes:
        status: The HTTP status.
        api_reason: The reason of the Status object, such as "NotFound".
    """

    def __init__(self, status: int, api_reason: str, message: str) -> None:
        super().__init__(message, code=ExitCode.UNREADABLE_INPUT, reason=None)
        self.status = status
        self.api_reason = api_reason


def api_error(status: int, content: bytes, path: str) -> ApiError:
    """Makes the error of a refused request, with a hint where a remedy is known.

    Args:
        status: The HTTP status.
        content: The answer, a Status object as JSON where the API server wrote it.
        path: The path of the request.

    Returns:
        The error, with kubectl's wording.
    """
    try:
        value: Any = json.loads(content)
    except ValueError:
        value = {}
    found = value if isinstance(value, dict) else {}
    reason = str(found.get("reason") or status)
    text = str(found.get("message") or content.decode(errors="replace").strip() or "no message")
    message = f"Error from server ({reason}): {text}"
    if status == NOT_FOUND and path.startswith(DPOJOBS.prefix):
        if found.get("details", {}).get("name"):
            message += "\n`dpojob list -A` lists the jobs of all namespaces; -n chooses one"
        else:
            message += NO_CRDS
    if status == FORBIDDEN and path.startswith(POOLS.path()):
        message += (
            "\nPools belong to the whole cluster: ask for a binding to the chart's ClusterRole "
            "dpojob-pool-viewer"
        )
    return ApiError(status, reason, message)
