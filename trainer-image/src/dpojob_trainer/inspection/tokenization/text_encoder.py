"""Encodes texts with the model's tokenizer, or much faster with fastokens where it gives the same tokens.

fastokens reads the same tokenizer.json. It is loaded in a thread once
the dataset has turned out to be longer than a few batches, must then give the tokens that `tokenizers` gave
for the first texts, and is compared again on every hundredth batch. What it does not support, it refuses,
and `tokenizers` goes on alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    import fastokens

logger = logging.getLogger(__name__)

TEXTS_BEFORE_LOADING = 4096
"""Texts after which fastokens is loaded: loading takes as long as encoding some thousands of texts."""
COMPARED_CHARACTERS = 4 << 20
"""The characters of the first texts that are kept for the comparison."""
BATCHES_PER_CHECK = 100
"""One batch in this number of batches is encoded by both."""

BYTES_PER_TOKEN = 4


class InexactTokens(Exception):
    """fastokens gave other tokens for a batch than `tokenizers`; counts made so far may be wrong."""


class TokenIds(NamedTuple):
    """The tokens of some texts, one text after another."""

    data: bytes
    """Each token's id as a little-endian uint32."""
    ends: list[int]
    """The end of each text in `data`, in bytes, after a leading 0."""


class TextEncoder:
    """Encodes batches of texts to token ids, the same ids whichever library does it."""

    def __init__(self, tokenizer: Tokenizer, *, accelerated: bool) -> None:
        """Take the tokenizer.

        Args:
            tokenizer: The model's tokenizer, which is right by definition.
            accelerated: Whether fastokens may be used.
        """
        self._tokenizer = tokenizer
        self._accelerated = accelerated
        self._fast: fastokens.Tokenizer | None = None
        self._loading: threading.Thread | None = None
        self._loaded: fastokens.Tokenizer | None = None
        self._compared: list[tuple[list[str], bool, TokenIds]] = []
        self._compared_characters = 0
        self._texts = self._batches = 0

    @property
    def is_accelerated(self) -> bool:
        """Whether the next batch is encoded by fastokens."""
        return self._fast is not None

    def encode(self, texts: list[str], *, special: bool) -> TokenIds:
        """Encode a batch.

        Args:
            texts: The texts.
            special: Whether the tokenizer's special tokens are added around each text.

        Returns:
            The tokens of all texts.

        Raises:
            InexactTokens: fastokens has given other tokens than `tokenizers`. The caller counts again from
                the start; fastokens is not used any more.
        """
        self._batches += 1
        if self._accelerated and not self.is_accelerated:
            self._accelerate()
        found = self._encode_fast(texts, special) if self.is_accelerated else None
        if found is None:
            found = self._encode(texts, special)
            self._keep_for_comparison(texts, special, found)
        elif self._batches % BATCHES_PER_CHECK == 0 and found != self._encode(texts, special):
            self._give_up("it gives other tokens for some texts")
            raise InexactTokens
        self._texts += len(texts)
        return found

    def _encode(self, texts: list[str], special: bool) -> TokenIds:
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=special)
        ids = [encoding.ids for encoding in encodings]
        ends = list(accumulate((BYTES_PER_TOKEN * len(one) for one in ids), initial=0))
        return TokenIds(np.fromiter(chain.from_iterable(ids), "<u4").tobytes(), ends)

    def _encode_fast(self, texts: list[str], special: bool) -> TokenIds | None:
        """The tokens by fastokens; None where it fails, and from then on."""
        assert self._fast is not None
        try:
            data, ends = self._fast.encode_batch_flat(texts, add_special_tokens=special)
        except Exception as problem:  # the library raises nothing narrower
            self._give_up(str(problem))
            return None
        return TokenIds(data, (np.frombuffer(ends, "<u8") * BYTES_PER_TOKEN).tolist())

    def _give_up(self, why: str) -> None:
        logger.info("tokens are counted without fastokens: %s", why[:150])
        self._accelerated, self._fast, self._loaded = False, None, None
        self._compared = []

    def _keep_for_comparison(self, texts: list[str], special: bool, found: TokenIds) -> None:
        if self._accelerated and self._compared_characters < COMPARED_CHARACTERS:
            self._compared.append((texts, special, found))
            self._compared_characters += sum(map(len, texts))

    def _accelerate(self) -> None:
        """Load fastokens once there are enough texts, and use it once it is loaded and compared."""
        if self._loading is None:
            if self._texts >= TEXTS_BEFORE_LOADING:
                # No daemon: a thread that ends within the library while Python exits aborts the process.
                self._loading = threading.Thread(target=self._load, name="fastokens")
                self._loading.start()
            return
        if self._loading.is_alive():
            return
        self._fast = self._loaded
        if self._fast is None:
            self._accelerated, self._compared = False, []
            return
        compared, self._compared = self._compared, []
        for texts, special, expected in compared:
            if self._fast is not None and self._encode_fast(texts, special) != expected:
                self._give_up("it gives other tokens for the first texts")

    def _load(self) -> None:
        try:
            import fastokens

            self._loaded = fastokens.Tokenizer.from_json_str(self._tokenizer.to_str())
        except Exception as problem:  # unsupported parts are reported as ValueError among others
            logger.info("tokens are counted without fastokens: %s", str(problem)[:150])


def count_shared(left: bytes, right: bytes) -> int:
    """Count the equal leading tokens of two texts.

    Args:
        left: Tokens as `TokenIds.data` has them.
        right: The other tokens.

    Returns:
        The number of tokens.
    """
    if right.startswith(left):
        return len(left) // BYTES_PER_TOKEN
    size = min(len(left), len(right))
    differ = np.frombuffer(left[:size], "<u4") != np.frombuffer(right[:size], "<u4")
    return int(differ.argmax()) if differ.any() else size // BYTES_PER_TOKEN


def token_slices(found: TokenIds) -> Sequence[bytes]:
    """Take the tokens of each text.

    Args:
        found: The tokens of some texts.

    Returns:
        The tokens of one text after another, as `TokenIds.data` has them.
    """
    data, ends = found
    return [data[start:end] for start, end in pairwise(ends)]
