"""Whether the API server would accept a DPOJob's status."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

CRD = Path(__file__).parents[3] / "crds/dpojobs.yaml"
MAX_BYTES = 128 << 10
"""Of a status: far below the 1.5 MiB that etcd takes."""
INT64 = range(-(1 << 63), 1 << 63)


@cache
def _validator() -> Draft202012Validator:
    (version,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    return Draft202012Validator(version["schema"]["openAPIV3Schema"]["properties"]["status"])


def check_status(status: dict[str, Any]) -> None:
    """Asserts that the status fits the CRD's schema, is UTF-8, finite, of 64-bit integers and not too large."""
    text = json.dumps(status, ensure_ascii=False, allow_nan=False).encode()
    assert len(text) <= MAX_BYTES, len(text)
    error = next(_validator().iter_errors(status), None)
    assert error is None, f"{error.json_path}: {error.message[:200]}"
    _check_integers(status)


def _check_integers(value: Any) -> None:
    if isinstance(value, int):
        assert value in INT64, value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():  # fmt: skip
        _check_integers(item)
