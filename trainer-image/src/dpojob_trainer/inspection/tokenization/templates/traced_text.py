"""Text that stands for message contents while a chat template is traced, and refuses what depends on them.

A `TracedText` is a sequence of literals and whole contents, each content one private character. Operations
whose result is again such a sequence for all contents that meet the conditions are carried out and their
conditions recorded; every other operation raises `NotTraceable`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, SupportsIndex

FIRST_PLACEHOLDER = 0x10F000
MAX_PLACEHOLDERS = 0xFFF
PLACEHOLDERS = range(FIRST_PLACEHOLDER, FIRST_PLACEHOLDER + MAX_PLACEHOLDERS)
"""Characters that stand for the contents of messages: the end of Unicode's last private-use plane."""


_PLACEHOLDER = re.compile(f"[{chr(PLACEHOLDERS.start)}-{chr(PLACEHOLDERS.stop - 1)}]")


class NotTraceable(Exception):
    """The template does with a content what cannot be foreseen for all contents."""


@dataclass
class Conditions:
    """What contents must meet so that the template treats them all as it treated the placeholders.

    Contents are never empty.
    """

    literals: set[str] = field(default_factory=set)
    """Texts that the template looks for: none may be in a content, hold one, or overlap with its ends."""
    edges: set[str] = field(default_factory=set)
    """Characters that the template strips: a content begins and ends with none."""
    no_outer_space: bool = False
    """Whether the template strips white space."""

    def test(self) -> Callable[[str], bool]:
        """Compile the conditions.

        Returns:
            A function that tells whether a content meets them.
        """
        literals, edges, no_outer_space = (
            sorted(self.literals),
            frozenset(self.edges),
            self.no_outer_space,
        )
        longest = max(map(len, literals), default=0)
        beginnings = tuple({text[at:] for text in literals for at in range(1, len(text))})
        ends = tuple({text[:at] for text in literals for at in range(1, len(text))})
        first = edges.union(text[0] for text in beginnings)
        last = edges.union(text[-1] for text in ends)

        def meets(content: str) -> bool:
            if not content:
                return False
            begin, end = content[0], content[-1]
            if no_outer_space and (begin.isspace() or end.isspace()):
                return False
            if begin in first and (begin in edges or content.startswith(beginnings)):
                return False
            if end in last and (end in edges or content.endswith(ends)):
                return False
            for text in literals:
                if text in content:
                    return False
            return len(content) > longest or not any(content in text for text in literals)

        return meets


def _stripping(method: Callable[..., str]) -> Callable[..., str]:
    """A method that strips, for contents that it leaves as they are."""

    def strip(text: TracedText, characters: str | None = None, /) -> str:
        if characters is None:
            text.conditions.no_outer_space = True
        elif isinstance(characters, TracedText):
            raise NotTraceable("a content says what is stripped")
        else:
            text.conditions.edges.update(characters)
        return text._wrap(method(text, characters))

    return strip


def _testing(method: Callable[..., bool]) -> Callable[..., bool]:
    """A method that looks at an end of the text, for contents without what it looks for."""

    def test(text: TracedText, part: Any, *bounds: Any) -> bool:
        _refuse_more(bounds)
        return method(text, text._look_for(part))

    return test


def _splitting(method: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """A method that splits, for contents without the separator."""

    def split(text: TracedText, sep: Any = None, maxsplit: Any = -1) -> list[str]:
        return [*map(text._wrap, method(text, text._look_for(sep), maxsplit))]

    return split


class TracedText(str):
    """A sequence of literals and placeholders."""

    conditions: Conditions
    strip = _stripping(str.strip)
    lstrip = _stripping(str.lstrip)
    rstrip = _stripping(str.rstrip)
    startswith = _testing(str.startswith)
    endswith = _testing(str.endswith)
    split = _splitting(str.split)
    rsplit = _splitting(str.rsplit)

    def __new__(cls, value: str, conditions: Conditions) -> TracedText:
        """Make a text with at least one placeholder."""
        self = super().__new__(cls, value)
        self.conditions = conditions
        return self

    def _wrap(self, value: str) -> str:
        return TracedText(value, self.conditions) if has_placeholder(value) else value

    def _look_for(self, text: object) -> str:
        if isinstance(text, TracedText) or not isinstance(text, str) or not text:
            raise NotTraceable("it is compared with another content")
        self.conditions.literals.add(text)
        return text

    def __str__(self) -> str:
        return self

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if not isinstance(other, str):
            return False
        if other or isinstance(other, TracedText):
            if str.__len__(self) != 1:
                raise NotTraceable("more than a content is compared")
            self._look_for(other)
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        raise NotTraceable("a content is a key")

    def __contains__(self, text: object) -> bool:
        return str.__contains__(self, self._look_for(text))

    def __add__(self, other: str) -> str:
        return TracedText(str.__add__(self, other), self.conditions)

    def __radd__(self, other: str) -> str:
        return TracedText(str.__add__(other, self), self.conditions)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        if isinstance(key, str):
            raise TypeError("string indices must be integers")
        raise NotTraceable("characters of a content are taken")

    def replace(self, text: Any, other: Any, *count: Any) -> str:
        """Do what `str.replace` does, for contents without the text.

        Args:
            text: What is replaced.
            other: What takes its place.
            *count: Not traced.

        Returns:
            The text.

        Raises:
            NotTraceable: It depends on more than that no content holds the text.
            TypeError: `other` is no text.
        """
        _refuse_more(count)
        if not isinstance(other, str):
            raise TypeError("replace() argument 2 must be str")
        return self._wrap(str.replace(self, self._look_for(text), other))


def _refuse_more(arguments: tuple[Any, ...]) -> None:
    if arguments:
        raise NotTraceable("positions in a content are used")


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise NotTraceable(f"str.{name} of a content is used")

    return refuse


_HARMLESS = frozenset(
    {
        "__class__", "__delattr__", "__dir__", "__doc__", "__getattribute__", "__init__",
        "__init_subclass__", "__new__", "__setattr__", "__subclasshook__",
    }
)  # fmt: skip
for _name in dir(str):
    if _name not in TracedText.__dict__ and _name not in _HARMLESS:
        setattr(TracedText, _name, _refusing(_name))


def has_placeholder(text: str) -> bool:
    """Tell whether a text holds placeholders.

    Args:
        text: The text, traced or plain.

    Returns:
        Whether it does.
    """
    return _PLACEHOLDER.search(text) is not None
