"""JSON inside manifests."""

from __future__ import annotations

import json
from typing import Any


def compact(value: Any) -> str:
    """Compact JSON with sorted keys: the same value always gives the same text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
