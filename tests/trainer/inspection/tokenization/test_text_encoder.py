"""fastokens counts what `tokenizers` counts, is left where it does not, and only large datasets load it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastokens
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.inspection.volume_fixture import InspectionVolume
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from dpojob_trainer.inspection.tokenization import InexactTokens, text_encoder, token_counter
from dpojob_trainer.inspection.tokenization.text_encoder import (
    TextEncoder,
    count_shared,
    token_slices,
)

QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = ["the quick brown fox isn't 12 foxes,\n\n user assistant é ﬁ 中文 \u00a0 \t system?"] * 9
SPECIAL = ["<s>", "<|im_start|>", "<|im_end|>"]


def byte_level(normalizer: Any = None, pattern: str | None = None, trim: bool = False) -> Tokenizer:
    raw = Tokenizer(models.BPE())
    if normalizer is not None:
        raw.normalizer = normalizer
    split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [*split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(CORPUS, trainer)
    raw.add_special_tokens([AddedToken(name, lstrip=trim, rstrip=trim) for name in SPECIAL])
    raw.add_tokens([AddedToken("quick", single_word=True), AddedToken("ﬁ", normalized=True)])
    return raw


def with_beginning() -> Tokenizer:
    raw = byte_level()
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", raw.token_to_id("<s>"))]
    )
    return raw


def word_pieces() -> Tokenizer:
    raw = Tokenizer(models.WordPiece({"[UNK]": 0, "the": 1, "##n": 2, "a": 3}, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return raw


TOKENIZERS = {
    "byte level": byte_level,
    "qwen": lambda: byte_level(normalizers.NFC(), QWEN),
    "trimming tokens": lambda: byte_level(trim=True),
    "beginning of sequence": with_beginning,
    "word pieces": word_pieces,
}
FASTER = set(TOKENIZERS) - {"word pieces"}

pieces = st.sampled_from(
    [
        *SPECIAL,
        "<s",
        "quick",
        "quicker",
        "ﬁ",
        "é",
        "e\u0301",
        " ",
        "\n\n",
        "\u00a0",
        "isn't",
        "12",
        "",
    ]
)
texts = st.lists(
    st.one_of(pieces, pieces, st.text(st.characters(codec="utf-8"), max_size=9)), max_size=8
).map("".join)


def load_now(encoder: TextEncoder) -> None:
    """Loads fastokens with the next batch, and waits until it is loaded."""
    encoder.encode(["the"], special=False)
    encoder.encode(["fox"], special=True)
    assert encoder._loading is not None
    encoder._loading.join()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoder, "TEXTS_BEFORE_LOADING", 1)


@pytest.mark.parametrize("name", list(TOKENIZERS))
def test_tokens_are_those_of_tokenizers(name: str) -> None:
    exact = TOKENIZERS[name]()
    encoder = TextEncoder(exact, accelerated=True)
    load_now(encoder)

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(texts, min_size=1, max_size=6), st.booleans())
    def check(batch: list[str], special: bool) -> None:
        found = token_slices(encoder.encode(batch, special=special))
        expected = [exact.encode(text, add_special_tokens=special).ids for text in batch]
        assert [memoryview(one).cast("I").tolist() for one in found] == expected

    check()
    assert encoder.is_accelerated is (name in FASTER)


def other_tokenizer(monkeypatch: pytest.MonkeyPatch, *added: str) -> None:
    """Makes fastokens wrong: it knows tokens that the model does not have."""
    load = fastokens.Tokenizer.from_json_str

    class Wrong:
        @staticmethod
        def from_json_str(serial: str) -> fastokens.Tokenizer:
            raw = Tokenizer.from_str(serial)
            raw.add_tokens(list(added))
            return load(raw.to_str())

    monkeypatch.setattr(fastokens, "Tokenizer", Wrong)


def test_other_tokens_for_the_first_texts_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    other_tokenizer(monkeypatch, "fox")
    exact = byte_level()
    encoder = TextEncoder(exact, accelerated=True)
    load_now(encoder)
    (found,) = token_slices(encoder.encode(["a fox"], special=False))
    assert memoryview(found).cast("I").tolist() == exact.encode("a fox").ids
    assert not encoder.is_accelerated


def test_other_tokens_are_found_later_by_the_regular_check(monkeypatch: pytest.MonkeyPatch) -> None:
    other_tokenizer(monkeypatch, "brown")
    monkeypatch.setattr(text_encoder, "BATCHES_PER_CHECK", 5)
    exact = byte_level()
    encoder = TextEncoder(exact, accelerated=True)
    load_now(encoder)
    with pytest.raises(InexactTokens):
        for _ in range(5):
            encoder.encode(["a brown one"], special=False)
    (found,) = token_slices(encoder.encode(["a brown one"], special=False))
    assert memoryview(found).cast("I").tolist() == exact.encode("a brown one").ids


def test_a_failure_of_fastokens_is_not_one_of_inspection(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails:
        @staticmethod
        def from_json_str(serial: str) -> Fails:
            return Fails()

        def encode_batch_flat(self, batch: list[str], **_: object) -> tuple[bytes, bytes]:
            raise ValueError("no")

    monkeypatch.setattr(fastokens, "Tokenizer", Fails)
    exact = byte_level()
    encoder = TextEncoder(exact, accelerated=True)
    load_now(encoder)
    (found,) = token_slices(encoder.encode(["fox"], special=False))
    assert memoryview(found).cast("I").tolist() == exact.encode("fox").ids


def test_a_small_dataset_does_not_load_fastokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoder, "TEXTS_BEFORE_LOADING", 4)
    encoder = TextEncoder(byte_level(), accelerated=True)
    encoder.encode(["a", "b", "c"], special=False)
    encoder.encode(["d"], special=False)
    assert encoder._loading is None


@pytest.mark.parametrize("wrong", [(), ("zebra",)])
def test_the_report_is_the_same_with_either_tokenizer(
    wrong: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong token from row 150 on is found by a check, and all rows are counted again."""
    volume = InspectionVolume(tmp_path)
    make_model(tmp_path / "model", max_position_embeddings=4096)
    volume.rows(
        {"prompt": f"question {at}", "chosen": "zebra " * (at // 150) + "yes", "rejected": "no"}
        for at in range(700)
    )
    monkeypatch.setattr(text_encoder, "TEXTS_BEFORE_LOADING", 1 << 30)
    expected = volume.inspect(training={"maxLength": 64})
    monkeypatch.setattr(text_encoder, "TEXTS_BEFORE_LOADING", 1)
    monkeypatch.setattr(text_encoder, "BATCHES_PER_CHECK", 4)
    monkeypatch.setattr(token_counter, "BATCH_ROWS", 32)
    accelerate = TextEncoder._accelerate

    def accelerate_when_loaded(encoder: TextEncoder) -> None:
        if encoder._loading is not None:
            encoder._loading.join()
        accelerate(encoder)

    monkeypatch.setattr(TextEncoder, "_accelerate", accelerate_when_loaded)
    other_tokenizer(monkeypatch, *wrong)
    raised: list[str] = []
    give_up = TextEncoder._give_up
    monkeypatch.setattr(
        TextEncoder, "_give_up", lambda self, why: (raised.append(why), give_up(self, why))
    )
    found = volume.inspect(training={"maxLength": 64})
    assert found.valid and found.lengths is not None and found.lengths.unit == "tokens"
    assert json.loads(found.model_dump_json()) == json.loads(expected.model_dump_json())
    assert bool(raised) is bool(wrong)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [([], [], 0), ([1], [1, 2], 1), ([1, 2], [1], 1), ([1, 256, 3], [1, 257, 3], 1), ([7], [8], 0)],
)
def test_shared_tokens_are_counted_whole(left: list[int], right: list[int], expected: int) -> None:
    first, second = (b"".join(one.to_bytes(4, "little") for one in ids) for ids in (left, right))
    assert count_shared(first, second) == expected
