"""The base of every model of the contract: camelCase outside, snake_case inside, nothing unknown."""

from __future__ import annotations

import json
import math
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


def finite(value: Any) -> Any:
    """A JSON value without NaN and infinities, which JSON has none of.

    A field that holds one is left out; in a list null stands in its place.
    """
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items() if not _endless(inner)}
    if isinstance(value, list):
        return [None if _endless(inner) else finite(inner) for inner in value]
    return value


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


class StrictModel(BaseModel):
    """A part of the contract. Unknown fields are errors, so that a typing mistake is heard."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def wire(self) -> dict[str, Any]:
        """The JSON object as it crosses a process boundary: camelCase, absent fields left out.

        A figure that is not finite counts as absent.
        """
        value: dict[str, Any] = finite(
            self.model_dump(mode="json", by_alias=True, exclude_none=True)
        )
        return value

    def wire_json(self) -> str:
        """`wire()` as compact JSON text."""
        return json.dumps(self.wire(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class LenientModel(StrictModel):
    """A part that other versions of us may have written: unknown fields are passed over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The object in `value`, or None when there is none."""
        return None if value is None else cls.model_validate(value)
