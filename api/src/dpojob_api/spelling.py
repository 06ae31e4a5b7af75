"""Suggestions for misspelled names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

MAX_CANDIDATES = 1000
"""Candidates that are compared with a name; difflib takes time for each of them."""


def nearest(
    name: str,
    candidates: Iterable[str],
    *,
    cutoff: float = 0.6,
    key: Callable[[str], str] = str,
) -> str | None:
    """Find the candidate that a misspelled name most likely stands for.

    A candidate that differs from the name only in case is preferred to all others.

    Args:
        name: The name as it was written.
        candidates: The names that exist; the first `MAX_CANDIDATES` of them are compared.
        cutoff: The lowest similarity of a suggestion, from 0 to 1 (`difflib.get_close_matches`).
        key: Applied to name and candidates before they are compared.

    Returns:
        The candidate, or None when none is similar enough.
    """
    choices = list(candidates)[:MAX_CANDIDATES]
    lowered = {choice.lower(): choice for choice in reversed(choices)}
    if name.lower() in lowered:
        return lowered[name.lower()]
    keyed = {key(choice): choice for choice in reversed(choices)}
    found = difflib.get_close_matches(key(name), list(keyed), n=1, cutoff=cutoff)
    return keyed[found[0]] if found else None
