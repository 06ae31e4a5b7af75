"""Counts the tokens of prompt and answers, separated exactly as by TRL's DPOTrainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from tokenizers import Tokenizer

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.model import TokenizerConfig
from dpojob_trainer.shared.rows.preference_pair import PlainPair, PreferencePair
from dpojob_trainer.shared.rows.row_error import RowError

from .safe_splits import SafeSplits
from .templates import (
    ChatTemplate,
    SegmentedTemplate,
    TemplateRenderError,
    Texts,
    render_pair,
)
from .text_encoder import BYTES_PER_TOKEN, TextEncoder, count_shared, token_slices

Pair = TypeVar("Pair")

BATCH_ROWS = 512
BATCH_CHARACTERS = 4 << 20


class Length(NamedTuple):
    """Tokens of one pair."""

    prompt: int
    chosen: int
    rejected: int

    @property
    def longest(self) -> int:
        """Prompt and the longer answer."""
        return self.prompt + max(self.chosen, self.rejected)


class TokenCounter:
    """Counts with the model's tokenizer, and with its chat template where rows are conversations."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: TokenizerConfig,
        template: ChatTemplate,
        encoder: TextEncoder,
    ) -> None:
        """Take the tokenizer and the templates.

        Args:
            tokenizer: The model's tokenizer.
            config: Its settings.
            template: Its chat template.
            encoder: What encodes texts with this tokenizer.
        """
        self._encoder = encoder
        self._template = template
        self._segments = SegmentedTemplate(self._template)
        self._end_token = str(config.special.get("eos_token") or "")
        searched_texts = [*self._template.sources, *map(str, config.special.values())]
        self._safe_splits = SafeSplits(tokenizer, searched_texts)

    def lengths(
        self, pairs: Sequence[PreferencePair], limit: int | None = None
    ) -> Iterator[Length | RowError]:
        """Count the tokens of pairs.

        Args:
            pairs: The pairs, all conversations or all texts.
            limit: The number of tokens after which training truncates at the end; None for no limit.

        Yields:
            For each pair its length in tokens, or the error that only its tokens show: the template
            rejects it, or both answers have the same tokens.
        """
        for batch in batched(pairs, _count_characters):
            chat = isinstance(batch[0].chosen, list)
            yield from self._batch([self._texts_or_error(pair) for pair in batch], chat, limit)

    def plain_lengths(
        self, pairs: Sequence[PlainPair], chat: bool, limit: int | None = None
    ) -> Iterator[Length | RowError]:
        """Count the tokens of pairs of plain messages, as `lengths` would.

        Args:
            pairs: The pairs.
            chat: Whether they are rendered by the chat template; else they are texts.
            limit: As in `lengths`.

        Yields:
            As `lengths`.
        """
        for batch in batched(pairs, PlainPair.count_characters):
            texts = [self._plain_texts_or_error(pair, chat) for pair in batch]
            yield from self._batch(texts, chat, limit)

    def _batch(
        self, pairs: list[Texts | RowError], chat: bool, limit: int | None
    ) -> Iterator[Length | RowError]:
        texts: list[str] = []
        for whole in pairs:
            if isinstance(whole, RowError):
                continue
            # Special tokens are added around plain texts, so each of those is tokenized as a whole.
            cut = self._safe_splits.shared_prefix_length(*whole) if chat else 0
            texts += (whole[0][:cut], *(text[cut:] for text in whole))
        encoded = iter(token_slices(self._encoder.encode(texts, special=not chat)))
        for whole in pairs:
            if isinstance(whole, RowError):
                yield whole
                continue
            prefix, prompt, chosen, rejected = (next(encoded) for _ in range(4))
            shared = min(count_shared(prompt, chosen), count_shared(prompt, rejected))
            before = len(prefix) // BYTES_PER_TOKEN if chat else 0
            length = Length(
                before + shared,
                len(chosen) // BYTES_PER_TOKEN - shared,
                len(rejected) // BYTES_PER_TOKEN - shared,
            )
            if chosen == rejected:
                yield _same_tokens(chat)
            elif (
                limit is not None
                and length.prompt < limit < length.longest
                and _are_same_when_cut(chosen, rejected, limit - before)
            ):
                yield _same_when_cut(limit)
            else:
                yield length

    def _texts_or_error(self, pair: PreferencePair) -> Texts | RowError:
        try:
            return self.texts(pair)
        except TemplateRenderError as problem:
            return _refused(problem)

    def _plain_texts_or_error(self, pair: PlainPair, chat: bool) -> Texts | RowError:
        if not chat:
            return self._concatenate(pair.prompt_text, pair.chosen, pair.rejected)
        try:
            return self._segments.render(pair)
        except TemplateRenderError as problem:
            return _refused(problem)

    def texts(self, pair: PreferencePair) -> Texts:
        """Write a pair as the texts that are tokenized.

        Args:
            pair: The pair, of message lists or of texts.

        Returns:
            The prompt, the prompt with chosen, and the prompt with rejected.

        Raises:
            TemplateRenderError: The chat template refuses the conversation.
        """
        prompt, chosen, rejected = pair.prompt, pair.chosen, pair.rejected
        if not isinstance(chosen, list):
            return self._concatenate(str(prompt), str(chosen), str(rejected))
        plain = PlainPair.of(pair)
        if plain is not None:
            return self._segments.render(plain)
        assert isinstance(prompt, list) and isinstance(rejected, list)
        return render_pair(self._template, prompt, chosen, rejected, pair.tools)

    def _concatenate(self, prompt: str, chosen: str, rejected: str) -> Texts:
        return (
            prompt,
            prompt + self._with_end_token(chosen),
            prompt + self._with_end_token(rejected),
        )

    def _with_end_token(self, answer: str) -> str:
        return answer if answer.endswith(self._end_token) else answer + self._end_token


def batched(pairs: Sequence[Pair], size: Callable[[Pair], int]) -> Iterator[Sequence[Pair]]:
    """Split pairs into batches that are tokenized at once.

    Args:
        pairs: The pairs.
        size: The characters of a pair's texts.

    Yields:
        Some of the pairs, in order.
    """
    start = 0
    while start < len(pairs):
        end, characters = start, 0
        while end < len(pairs) and end - start < BATCH_ROWS and characters < BATCH_CHARACTERS:
            characters += size(pairs[end])
            end += 1
        yield pairs[start:end]
        start = end


def _refused(problem: TemplateRenderError) -> RowError:
    return RowError(
        ProblemCode.BAD_MESSAGE,
        f"the model's chat template refuses the conversation ({problem})",
        "change or remove these rows, or the template of the model",
    )


def _same_tokens(chat: bool) -> RowError:
    by = "chat template" if chat else "tokenizer"
    return RowError(ProblemCode.IDENTICAL_PAIR, f"the model's {by} makes both answers the same")


def _same_when_cut(limit: int) -> RowError:
    return RowError(
        ProblemCode.IDENTICAL_PAIR,
        f"both answers are the same up to maxLength {limit}, where they are cut",
        "raise training.maxLength, or remove these rows",
    )


def _count_characters(pair: PreferencePair) -> int:
    return sum(
        len(part)
        if isinstance(part, str)
        else sum(len(str(turn.get("content", ""))) for turn in part)
        for part in (pair.prompt, pair.prompt, pair.prompt, pair.chosen, pair.rejected)
    )


def _are_same_when_cut(chosen: bytes, rejected: bytes, tokens: int) -> bool:
    """Whether the first tokens of both are the same; with a negative number, all but the last."""
    size = tokens * BYTES_PER_TOKEN
    return chosen[:size] == rejected[:size]
