"""Whether the API server would accept a DPOJob's status."""

from __future__ import annotations

import json
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from tests.kit.repository import ROOT

CRD = ROOT / "crds/dpojobs.yaml"
MAX_BYTES = 128 << 10
"""The largest status: far below the 1.5 MiB that etcd takes."""
INT64 = range(-(1 << 63), 1 << 63)


def _validator() -> Draft202012Validator:
    # The parser in C: a fuzzer traces the one in Python.
    definition = yaml.load(CRD.read_text(), yaml.CSafeLoader)
    (version,) = definition["spec"]["versions"]
    return Draft202012Validator(version["schema"]["openAPIV3Schema"]["properties"]["status"])


VALIDATOR = _validator()
"""Made at import, so that it does not count as the time of an input."""


def check_status(status: dict[str, Any]) -> None:
    """Asserts that the status fits the CRD's schema, is UTF-8, finite, of 64-bit integers and not too large."""
    text = json.dumps(status, ensure_ascii=False, allow_nan=False).encode()
    assert len(text) <= MAX_BYTES, len(text)
    error = next(VALIDATOR.iter_errors(status), None)
    assert error is None, f"{error.json_path}: {error.message[:200]}"
    _check_integers(status)


def _check_integers(value: Any) -> None:
    if isinstance(value, int):
        assert value in INT64, value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():  # fmt: skip
        _check_integers(item)
