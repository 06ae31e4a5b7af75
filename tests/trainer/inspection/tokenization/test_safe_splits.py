"""Texts that are cut at special tokens have the tokens of the whole, with whatever tokenizer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from dpojob_trainer.inspection.tokenization.safe_splits import SafeSplits

PRE_TOKENIZERS = {
    "byte level": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "byte level with a space before": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "split, then byte level": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("a", "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
    "metaspace always": pre_tokenizers.Metaspace(prepend_scheme="always"),
    "metaspace first": pre_tokenizers.Metaspace(prepend_scheme="first"),
    "metaspace first, then digits": pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Digits()]
    ),
}
NORMALIZERS = {
    "none": None,
    "nfc": normalizers.NFC(),
    "prepend": normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
    "strip": normalizers.Strip(),
}
PLAIN = [AddedToken(text, special=True, normalized=False) for text in ("<|im_start|>", "<s>")]
ODD = [
    AddedToken("<l>", special=True, normalized=False, lstrip=True),
    AddedToken("<r>", special=True, normalized=False, rstrip=True),
    AddedToken("<w>", special=True, normalized=False, single_word=True),
    AddedToken("<n>", special=True, normalized=True),
    AddedToken("<s><a", special=True, normalized=False),
    AddedToken("  ", special=False, normalized=False),
]
PIECES = st.lists(
    st.sampled_from(
        [*(token.content for token in PLAIN + ODD), " ", "a", "ab", "e\u0301", "\n", "<", "s>", "▁"]
    ),
    max_size=8,
).map("".join)


def tokenizer(pre: str, normalizer: str, added: list[AddedToken]) -> Tokenizer:
    letters = [*pre_tokenizers.ByteLevel.alphabet(), "▁", "ab", "▁a"]
    merges = [("a", "b"), ("▁", "a")]
    made = Tokenizer(models.BPE({text: n for n, text in enumerate(dict.fromkeys(letters))}, merges))
    made.pre_tokenizer = PRE_TOKENIZERS[pre]
    if NORMALIZERS[normalizer] is not None:
        made.normalizer = NORMALIZERS[normalizer]
    made.add_tokens(added)
    return made


def ids(made: Tokenizer, text: str) -> list[int]:
    return list(made.encode(text, add_special_tokens=False).ids)


@given(
    st.sampled_from(list(PRE_TOKENIZERS)),
    st.sampled_from(list(NORMALIZERS)),
    st.sampled_from([PLAIN, PLAIN + ODD]),
    PIECES, PIECES, PIECES,
)  # fmt: skip
def test_the_parts_have_the_tokens_of_the_whole(
    pre: str, normalizer: str, added: list[AddedToken], start: str, one: str, other: str
) -> None:
    made = tokenizer(pre, normalizer, added)
    cut = SafeSplits(made, [token.content for token in added]).shared_prefix_length(
        start + one, start + other
    )
    for text in (start + one, start + other):
        assert ids(made, text[:cut]) + ids(made, text[cut:]) == ids(made, text)


def test_the_cut_is_after_the_last_special_token_that_all_share() -> None:
    splits = SafeSplits(tokenizer("byte level", "nfc", PLAIN), ["<s> and <|im_start|>"])
    start = "<s>a<|im_start|>"
    assert splits.shared_prefix_length(start + "ab", start + "a", start + "a<s>") == len(start)
    assert splits.shared_prefix_length("<s>a", "<s>b<|im_start|>") == len("<s>")
    assert splits.shared_prefix_length("a<s>", "b<s>") == 0


@pytest.mark.parametrize("token", [token.content for token in ODD])
def test_a_token_that_touches_its_surroundings_is_no_safe_split(token: str) -> None:
    splits = SafeSplits(tokenizer("byte level", "none", PLAIN + ODD), [token])
    assert splits.shared_prefix_length(f"a{token}b", f"a{token}c") == 0


@pytest.mark.parametrize("pre", ["metaspace first", "metaspace first, then digits"])
def test_a_text_whose_first_piece_is_treated_apart_is_not_cut(pre: str) -> None:
    splits = SafeSplits(tokenizer(pre, "none", PLAIN), ["<s>"])
    assert splits.shared_prefix_length("<s>a", "<s>b") == 0


def test_the_vocabulary_is_not_written_out_to_look_at_the_settings() -> None:
    """Writing one of 150,000 tokens with its merges takes as long as the rest of a small inspection."""
    made = tokenizer("byte level", "none", PLAIN)
    allowed = {"get_added_tokens_decoder", "pre_tokenizer"}
    parts: Any = SimpleNamespace(**{name: getattr(made, name) for name in allowed})
    assert SafeSplits(parts, ["<s>"]).shared_prefix_length("<s>a", "<s>b") == len("<s>")
