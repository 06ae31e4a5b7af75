"""Limits of the arguments' size, and the depth of nested values, measured without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MAX_DEPTH = 4
"""Levels of lists and mappings in the arguments, themselves included: a list in an object in
`model_init_kwargs` is the deepest that the CRD's schema allows."""
MAX_CHARACTERS = 262144
"""Characters of the arguments as JSON."""
TEXT_LENGTH = 256
"""Characters of a text."""
LIST_LENGTH = 128
"""Entries of a list."""
OPTIONS = 16
"""Entries of a mapping of options."""


def is_nested_deeper(value: Any, limit: int) -> bool:
    """Determine whether lists and mappings are nested deeper than a limit.

    It does not recurse, so that no depth can exceed the interpreter's recursion limit.

    Args:
        value: A JSON value.
        limit: Lists and mappings that may contain each other; a scalar has depth 0, `{}` has 1.

    Returns:
        Whether some list or mapping lies deeper.
    """
    level = _containers([value])
    for _ in range(limit):
        if not level:
            return False
        level = [found for outer in level for found in _containers(_values(outer))]
    return bool(level)


def _values(container: Mapping[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, Mapping) else container


def _containers(values: Iterable[Any]) -> list[Mapping[str, Any] | list[Any]]:
    return [value for value in values if isinstance(value, Mapping | list)]
