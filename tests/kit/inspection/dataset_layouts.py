"""Preference pairs, and how a layout writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """What was written."""

    prompt: str
    chosen: str
    rejected: str
    number: int

    @property
    def is_even(self) -> bool:
        return self.number % 2 == 0

    @property
    def is_tie(self) -> bool:
        return self.number % 4 == 3

    def in_order(self, first: str, second: str) -> Row:
        """Both answers in two columns, in an order that a label column gives."""
        answers = (self.chosen, self.rejected) if self.is_even else (self.rejected, self.chosen)
        return {first: answers[0], second: answers[1]}


@dataclass(frozen=True)
class Layout:
    """How pairs are written."""

    row: Callable[[Pair], Row]
    mapping: dict[str, Any] = field(default_factory=dict)
    """What the user must write where inspection cannot suggest it."""
    prompt: Callable[[Pair], str] = lambda p: p.prompt
    """The prompt that training is to see."""
    has_ties: bool = False
    """Whether the rows of `Pair.is_tie` say that neither answer is preferred."""


def message(role: str, text: str) -> Row:
    return {"role": role, "content": text}


def sharegpt_message(role: str, text: str) -> Row:
    return {"from": role, "value": text}


def parts(role: str, text: str) -> Row:
    return {"role": role, "content": [{"type": "text", "value": text}]}


def named(prompt: str, chosen: str, rejected: str, **more: Any) -> Callable[[Pair], Row]:
    return lambda p: {prompt: p.prompt, chosen: p.chosen, rejected: p.rejected, **more}


def filled(value: Any, number: int) -> Any:
    """The value with `{}` of its texts replaced by the number of the row."""
    if isinstance(value, list):
        return [filled(item, number) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, number) for key, item in value.items()}
    return value.replace("{}", str(number)) if isinstance(value, str) else value


def last_text(value: Any) -> str:
    """A text, or the content of the last of the messages."""
    return value if isinstance(value, str) else value[-1]["content"]


texts = st.text(st.sampled_from("abcxyz é漢字'\",.?!\n"), min_size=1, max_size=30).map(str.strip)


answers = st.tuples(texts, texts).filter(lambda both: both[0] and both[1] and both[0] != both[1])
