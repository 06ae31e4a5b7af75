"""Base classes of every API model, camelCase in JSON and snake_case in Python; types of numbers.

The numbers that a pod reports are bounded, and neither NaN nor infinite.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

JSONObject = dict[str, Any]
"""An object of JSON or YAML: a manifest, a part of one, or an answer of the API server."""


def without_non_finite(value: JSONObject) -> JSONObject:
    """Remove NaN and infinities, which JSON cannot represent.

    Args:
        value: A JSON object that may hold such floats.

    Returns:
        The same object where it holds none; else a copy in which a field that holds one is left out, and a list
        entry is None.
    """
    copied: JSONObject = _finite_copy(value) if _holds_non_finite(value) else value
    return copied


def _holds_non_finite(value: JSONObject) -> bool:
    """Look at each value once, which takes a fifth of the time of the copy that is seldom needed."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        for inner in one.values() if type(one) is dict else one:
            kind = type(inner)
            if kind is dict or kind is list:
                left.append(inner)
            elif kind is float and not math.isfinite(inner):
                return True
    return False


def _finite_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _finite_copy(inner) for key, inner in value.items() if not _is_non_finite(inner)
        }
    if isinstance(value, list):
        return [None if _is_non_finite(inner) else _finite_copy(inner) for inner in value]
    return value


def _is_non_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


class StrictModel(BaseModel):
    """A model that rejects unknown fields, so that misspelled ones are reported.

    Its validator is built on its first use: a process uses a few of all models, most of them as parts of others.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", defer_build=True
    )

    def wire(self, *, exclude_defaults: bool = False) -> dict[str, Any]:
        """Convert to the JSON object that is sent to other processes.

        Args:
            exclude_defaults: Leave out fields that have their default, so that a field which a later version
                adds changes nothing.

        Returns:
            camelCase names; fields that are None or not finite are left out.
        """
        return without_non_finite(
            self.model_dump(
                mode="json", by_alias=True, exclude_none=True, exclude_defaults=exclude_defaults
            )
        )

    def wire_json(self) -> str:
        """Convert to JSON text.

        Returns:
            `wire()` as compact JSON.
        """
        return json.dumps(self.wire(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class LenientModel(StrictModel):
    """A model that ignores unknown fields, since another version of this software may have written it."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """Validate a JSON object that may be absent.

        Args:
            value: A JSON object or None.

        Returns:
            The model; None for None.
        """
        return None if value is None else cls.model_validate(value)


def unknown_as(default: str | None) -> WrapValidator:
    """Make an enumeration lenient: a value that another version of this software knows is no error.

    Only for enumerations on which no decision depends.

    Args:
        default: What an unknown value counts as.

    Returns:
        The annotation of the field.
    """

    def validate(value: Any, known: ValidatorFunctionWrapHandler) -> Any:
        try:
            return known(value)
        except ValidationError:
            if isinstance(value, str):
                return default
            raise

    return WrapValidator(validate)


Number = TypeVar("Number", int, float)

MAX_COUNT = 2**53
"""Largest count: beyond it, JSON readers that use doubles lose digits."""
MAX_FIGURE = 1e38
"""Largest magnitude of a figure, about that of a float32, in which training computes."""


def _figure_or_absent(value: Any) -> Any:
    """Turn NaN, infinities and numbers beyond a float32 into None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return value if -MAX_FIGURE <= value <= MAX_FIGURE else None


def in_range(value: Number) -> Number:
    """Check that a number is one that any JSON reader keeps exactly.

    Args:
        value: A count, or a number that is never negative.

    Returns:
        The same number.

    Raises:
        ValueError: It is negative or larger than MAX_COUNT.
    """
    if not 0 <= value <= MAX_COUNT:
        raise ValueError(f"must be from 0 to {MAX_COUNT}")
    return value


def _not_negative(value: float | None) -> float | None:
    if value is not None and value < 0:
        raise ValueError("must not be negative")
    return value


Count = Annotated[int, AfterValidator(in_range)]
"""A whole number from 0 to MAX_COUNT."""
Magnitude = Annotated[float, AfterValidator(in_range)]
"""A number from 0 to MAX_COUNT, such as a mean or a share."""
Figure = Annotated[float | None, BeforeValidator(_figure_or_absent)]
"""A finite number of at most MAX_FIGURE; None where there is none."""
Rate = Annotated[Figure, AfterValidator(_not_negative)]
"""A figure that is never negative."""
