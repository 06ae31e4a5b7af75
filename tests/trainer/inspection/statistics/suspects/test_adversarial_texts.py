"""The search for suspects does work in proportion to the rows, whatever the texts are."""

from __future__ import annotations

import pytest

from dpojob_trainer.inspection.statistics.suspects import near_duplicates as module
from dpojob_trainer.inspection.statistics.suspects.pair_sample import SampledPair


def comparisons(monkeypatch: pytest.MonkeyPatch, pairs: list[SampledPair]) -> int:
    count = 0
    jaccard = module._jaccard

    def counted(left: module.Hashes, right: module.Hashes) -> float:
        nonlocal count
        count += 1
        return jaccard(left, right)

    monkeypatch.setattr(module, "_jaccard", counted)
    list(module.near_duplicates(pairs))
    return count


def rows(texts: list[str]) -> list[SampledPair]:
    return [
        SampledPair(number, text.encode(), b"yes " + text.encode(), b"no " + text.encode(), 0.0)
        for number, text in enumerate(texts)
    ]


WORDS = " ".join(f"word{n}" for n in range(200))
ADVERSARIAL = {
    "alike but for a number": [f"{WORDS} {n}" for n in range(400)],
    "a shared half": [f"{WORDS} " + f"other{n} " * 60 for n in range(400)],
    "short": ["ab"[n % 2] for n in range(400)],
    "one letter": ["a" * (n + 1) for n in range(400)],
    "empty": [""] * 400,
}


@pytest.mark.parametrize("kind", list(ADVERSARIAL))
def test_a_row_is_compared_with_at_most_one_other_for_each_band(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    texts = ADVERSARIAL[kind]
    parts = 3
    assert comparisons(monkeypatch, rows(texts)) <= module.BANDS * parts * len(texts)
