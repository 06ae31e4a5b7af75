"""Where texts can be cut so that their parts have the tokens of the whole.

A special token that is matched in the raw text ends one piece and begins another; normalizer,
pre-tokenizer and model see each piece alone (tokenizers, `AddedVocabulary.extract_and_normalize`). So
what a prompt and its two answers begin with is tokenised once, not three times.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer

BY_POSITION = '"prepend_scheme":"first"'
"""Of Metaspace: the first piece of a text is treated unlike the others."""


class Seams:
    """The special tokens of one tokenizer after which a text may be cut."""

    def __init__(self, tokenizer: Tokenizer, wording: Iterable[str]) -> None:
        """`wording` is where those worth looking for occur: templates, and special tokens by name."""
        added = list(tokenizer.get_added_tokens_decoder().values())
        texts = [token.content for token in added]
        wording = list(wording)
        safe = BY_POSITION not in tokenizer.to_str().replace(" ", "")
        self._tokens = tuple(
            token.content
            for token in added
            if safe
            and any(token.content in written for written in wording)
            and _stands_alone(token, texts)
        )

    def head(self, *texts: str) -> int:
        """How many leading characters all the texts share, up to the end of a special token."""
        if not self._tokens:
            return 0
        common = _common(*texts)
        ends = (common.rfind(token) + len(token) for token in self._tokens if token in common)
        return max(ends, default=0)


def _stands_alone(token: AddedToken, others: list[str]) -> bool:
    """Whether it is found wherever it is written, and takes nothing around it along."""
    plain = token.special and not (
        token.normalized or token.lstrip or token.rstrip or token.single_word
    )
    return plain and not any(
        _touch(token.content, other) for other in others if other != token.content
    )


def _touch(token: str, other: str) -> bool:
    """Whether the two can overlap in a text, so that one of them hides the other."""
    if token in other or other in token:
        return True
    shorter = min(len(token), len(other))
    return any(
        token.endswith(other[:size]) or other.endswith(token[:size]) for size in range(1, shorter)
    )


def _common(first: str, *others: str) -> str:
    """The longest text that all of them begin with."""
    if all(other.startswith(first) for other in others):
        return first
    low, high = 0, len(first)
    while low < high:
        middle = (low + high + 1) // 2
        if all(other.startswith(first[:middle]) for other in others):
            low = middle
        else:
            high = middle - 1
    return first[:low]
