"""Refusals of the API server, and the remedies that they get."""

from __future__ import annotations

import json

import pytest

from dpojob.cluster.api_errors import api_error
from dpojob.cluster.resources import DPOJOBS, PODS, POOLS


@pytest.mark.parametrize(
    ("status", "path", "details", "remedy"),
    [
        (404, DPOJOBS.path("team-a", "x"), {"name": "x"}, "`dpojob list -A`"),
        (404, DPOJOBS.path("team-a"), {}, "Helm chart, which has them\nunless crds.enabled is false"),
        (403, POOLS.path(), {}, "the chart's ClusterRole dpojob-pool-viewer"),
        (404, PODS.path("team-a", "x"), {"name": "x"}, ""),
    ],
)  # fmt: skip
def test_a_refusal_gets_its_remedy(
    status: int, path: str, details: dict[str, str], remedy: str
) -> None:
    refusal = {"kind": "Status", "reason": "R", "message": "m", "details": details}
    error = api_error(status, json.dumps(refusal).encode(), path)
    message, _, hint = str(error).partition("\n")
    assert message == "Error from server (R): m"
    assert remedy in hint and bool(remedy) == bool(hint)


def test_what_no_api_server_wrote_is_shown_as_it_is() -> None:
    assert str(api_error(502, b"bad gateway", "/")) == "Error from server (502): bad gateway"
