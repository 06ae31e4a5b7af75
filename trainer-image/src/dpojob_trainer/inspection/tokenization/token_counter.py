"""Lengths in tokens, exactly as TRL's DPOTrainer cuts prompt and answers apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.model.tokenizer_config import TokenizerConfig
from dpojob_trainer.shared.preference_pair import PreferencePair
from dpojob_trainer.shared.row_error import RowError

from .chat_template import ChatTemplate, TemplateRefuses
from .safe_splits import Seams

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
    """Counts with the model's own tokenizer, and with its template where rows are conversations."""

    def __init__(self, tokenizer: Tokenizer, config: TokenizerConfig) -> None:
        self._tokenizer = tokenizer
        self._template = ChatTemplate(config)
        self._end = str(config.special.get("eos_token") or "")
        written = [*self._template.sources, *map(str, config.special.values())]
        self._seams = Seams(tokenizer, written)

    def lengths(
        self, pairs: Sequence[PreferencePair], limit: int | None = None
    ) -> Iterator[Length | RowError]:
        """The length of each pair, or the fault that template and tokens show in it, in order.

        The pairs are as `Pair.conversation()` or `Pair.text()` gives them; what is over `limit`
        tokens will be cut off at the end.
        """
        start = 0
        while start < len(pairs):
            end, size = start, 0
            while end < len(pairs) and end - start < BATCH_ROWS and size < BATCH_CHARACTERS:
                size += _characters(pairs[end])
                end += 1
            yield from self._batch(pairs[start:end], limit)
            start = end

    def _batch(
        self, pairs: Sequence[PreferencePair], limit: int | None
    ) -> Iterator[Length | RowError]:
        chat = isinstance(pairs[0].chosen, list)
        texts: list[str] = []
        faults: list[RowError | None] = []
        for pair in pairs:
            try:
                whole = self._rendered(pair) if chat else self._plain(pair)
            except TemplateRefuses as problem:
                faults.append(
                    RowError(
                        ProblemCode.BAD_MESSAGE,
                        f"the model's chat template refuses the conversation ({problem})",
                        "change or remove these rows, or the template of the model",
                    )
                )
                continue
            # Plain texts get tokens at their ends, so each is tokenised whole.
            cut = self._seams.head(*whole) if chat else 0
            texts += (whole[0][:cut], *(text[cut:] for text in whole))
            faults.append(None)
        encodings = iter(self._tokenizer.encode_batch_fast(texts, add_special_tokens=not chat))
        for fault in faults:
            if fault is not None:
                yield fault
                continue
            head, prompt, chosen, rejected = (next(encodings).ids for _ in range(4))
            shared = min(_shared(prompt, chosen), _shared(prompt, rejected))
            before = len(head) if chat else 0
            length = Length(before + shared, len(chosen) - shared, len(rejected) - shared)
            if chosen == rejected:
                yield _same_tokens(chat)
            elif (
                limit is not None
                and length.prompt < limit < length.longest
                and chosen[: limit - before] == rejected[: limit - before]
            ):
                yield _same_when_cut(limit)
            else:
                yield length

    def _rendered(self, pair: PreferencePair) -> tuple[str, str, str]:
        prompt, chosen, rejected = pair.prompt, pair.chosen, pair.rejected
        assert isinstance(prompt, list) and isinstance(chosen, list) and isinstance(rejected, list)
        render = self._template.render
        return (
            render(prompt, pair.tools, ask=True),
            render(prompt + chosen, pair.tools),
            render(prompt + rejected, pair.tools),
        )

    def _plain(self, pair: PreferencePair) -> tuple[str, str, str]:
        prompt, chosen, rejected = str(pair.prompt), str(pair.chosen), str(pair.rejected)
        return (prompt, prompt + self._ended(chosen), prompt + self._ended(rejected))

    def _ended(self, answer: str) -> str:
        return answer if answer.endswith(self._end) else answer + self._end


def _same_tokens(chat: bool) -> RowError:
    by = "chat template" if chat else "tokenizer"
    return RowError(ProblemCode.IDENTICAL_PAIR, f"the model's {by} makes both answers the same")


def _same_when_cut(limit: int) -> RowError:
    return RowError(
        ProblemCode.IDENTICAL_PAIR,
        f"both answers are the same up to maxLength {limit}, where they are cut",
        "raise training.maxLength, or remove these rows",
    )


def _characters(pair: PreferencePair) -> int:
    return sum(
        len(part)
        if isinstance(part, str)
        else sum(len(str(turn.get("content", ""))) for turn in part)
        for part in (pair.prompt, pair.prompt, pair.prompt, pair.chosen, pair.rejected)
    )


def _shared(left: list[int], right: list[int]) -> int:
    """How many leading tokens are the same."""
    if right[: len(left)] == left:
        return len(left)
    return next(
        (at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other),
        min(len(left), len(right)),
    )
