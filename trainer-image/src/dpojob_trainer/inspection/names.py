"""Guessing what a column is for, from its name; guesses are suggested, never applied."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

ALIASES: Mapping[str, tuple[str, ...]] = {
    "prompt": (
        "question", "instruction", "query", "input", "user_prompt", "user_input", "request",
        "problem", "context", "prompt_text", "prompts", "task", "user", "message", "post",
    ),
    "chosen": (
        "good_response", "chosen_response", "preferred", "preferred_response", "accepted", "winner",
        "better", "better_response", "positive", "good", "best", "chosen_answer", "good_answer",
        "preferred_answer", "accepted_answer", "win", "pos", "chosen_text", "good_completion",
        "chosen_completion", "preferred_completion", "better_answer", "preferred_output",
    ),
    "rejected": (
        "bad_response", "rejected_response", "dispreferred", "dispreferred_response", "loser",
        "worse", "worse_response", "negative", "bad", "worst", "rejected_answer", "bad_answer",
        "non_preferred", "unpreferred", "lose", "neg", "rejected_text", "bad_completion",
        "rejected_completion", "dispreferred_completion", "worse_answer", "less_preferred",
        "declined", "discarded", "rejected_output",
    ),
    "system": ("system_prompt", "system_message", "sys_prompt", "system_instruction"),
}  # fmt: skip
"""Names seen in published preference data, best first."""

_PAIRS = re.compile(
    r"^(?P<stem>(?:response|answer|completion|output|generation|candidate|reply|text|model)s?)"
    r"[_ -]?(?P<mark>[ab]|[01]|[12]|one|two|first|second|left|right)$",
    re.IGNORECASE,
)


def simplified(name: str) -> str:
    """`Good-Response` and `goodResponse` as `good_response`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def guess(field: str, columns: Sequence[str]) -> str | None:
    """The column that by its name is most likely meant for `field`: other case, alias or near-miss."""
    by_name = {simplified(column): column for column in reversed(columns)}
    for candidate in (field, *ALIASES.get(field, ())):
        if candidate in by_name:
            return by_name[candidate]
    near = difflib.get_close_matches(field, list(by_name), n=1, cutoff=0.75)
    if near:
        return by_name[near[0]]
    for alias in ALIASES.get(field, ()):
        if len(alias) < 5:
            continue
        near = difflib.get_close_matches(alias, list(by_name), n=1, cutoff=0.85)
        if near:
            return by_name[near[0]]
    return None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    choices = list(known)
    lowered = {choice.lower(): choice for choice in reversed(choices)}
    if name.lower() in lowered:
        return lowered[name.lower()]
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    return near[0] if near else None


def undecided_pair(columns: Sequence[str]) -> tuple[str, str] | None:
    """Two columns such as response_a and response_b, whose names do not say which is preferred."""
    stems: dict[str, list[str]] = {}
    for column in columns:
        match = _PAIRS.match(simplified(column))
        if match:
            stems.setdefault(match["stem"], []).append(column)
    return next(((pair[0], pair[1]) for pair in stems.values() if len(pair) == 2), None)


def score_beside(columns: Sequence[str], answer: str) -> str | None:
    """The column that by its name scores `answer`: score_a for response_a."""
    match = _PAIRS.match(simplified(answer))
    if not match:
        return None
    mark = match["mark"]
    stem = match["stem"]
    wanted = [
        f"{word}_{tail}"
        for word in ("score", "rating", "reward")
        for tail in (mark, f"{stem}_{mark}")
    ] + [f"{stem}_{mark}_{word}" for word in ("score", "rating", "reward")]
    by_name = {simplified(column): column for column in columns}
    return next((by_name[name] for name in wanted if name in by_name), None)
