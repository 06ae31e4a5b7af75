"""Finds where a text can be split so that the tokens of its parts are those of the whole text.

A special token that is matched in the raw text separates the parts before and after it; normalizer,
pre-tokenizer and model process each part alone (tokenizers, `AddedVocabulary.extract_and_normalize`).
So the common prefix of a prompt and its two answers is tokenized once, not three times.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer

POSITION_DEPENDENT = b'"prepend_scheme":"first"'
"""A setting of Metaspace with which the beginning of a text is tokenized unlike the rest."""


class SafeSplits:
    """The special tokens of a tokenizer after which a text can be split."""

    def __init__(self, tokenizer: Tokenizer, searched_texts: Iterable[str]) -> None:
        """Select the tokens after which texts can be split.

        Args:
            tokenizer: The tokenizer.
            searched_texts: Texts in which useful tokens occur: chat templates and special tokens.
        """
        added = list(tokenizer.get_added_tokens_decoder().values())
        texts = [token.content for token in added]
        searched_texts = list(searched_texts)
        safe = not _depends_on_position(tokenizer.pre_tokenizer)
        self._tokens = tuple(
            token.content
            for token in added
            if safe
            and any(token.content in text for text in searched_texts)
            and _is_safe(token, texts)
        )

    def shared_prefix_length(self, *texts: str) -> int:
        """Measure the common prefix of texts, up to the end of a special token.

        Args:
            *texts: The texts.

        Returns:
            The length in characters; 0 where no special token is in the common prefix.
        """
        if not self._tokens:
            return 0
        common = _common_prefix(*texts)
        ends = (common.rfind(token) + len(token) for token in self._tokens if token in common)
        return max(ends, default=0)


def _depends_on_position(pre_tokenizer: PreTokenizer | None) -> bool:
    """Look at the settings of the pre-tokenizer alone: those of the whole tokenizer come with a vocabulary of megabytes."""
    return pre_tokenizer is not None and POSITION_DEPENDENT in pre_tokenizer.__getstate__()


def _is_safe(token: AddedToken, others: list[str]) -> bool:
    """Whether the token is matched wherever its text occurs, without the text around it."""
    plain = token.special and not (
        token.normalized or token.lstrip or token.rstrip or token.single_word
    )
    return plain and not any(
        _can_overlap(token.content, other) for other in others if other != token.content
    )


def _can_overlap(token: str, other: str) -> bool:
    """Whether two tokens can overlap in a text, so that only one of them is matched."""
    if token in other or other in token:
        return True
    shorter = min(len(token), len(other))
    return any(
        token.endswith(other[:size]) or other.endswith(token[:size]) for size in range(1, shorter)
    )


def _common_prefix(first: str, *others: str) -> str:
    """The longest common prefix."""
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
