"""The base of every model of the contract: camelCase outside, snake_case inside, nothing unknown."""

from __future__ import annotations

import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """A part of the contract. Unknown fields are errors, so that a typing mistake is heard."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def wire(self) -> dict[str, Any]:
        """The JSON object as it crosses a process boundary: camelCase, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def wire_json(self) -> str:
        """`wire()` as compact JSON text; NaN and infinities become null, as JSON has none."""
        return json.dumps(self.wire(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Observed(Contract):
    """A part that other versions of us may have written: unknown fields are passed over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The object in `value`, or None when there is none."""
        return None if value is None else cls.model_validate(value)
