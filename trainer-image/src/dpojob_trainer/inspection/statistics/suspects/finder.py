"""Collects a sample of the accepted rows and names those that are suspected, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dpojob_api.report import SuspectKind, Suspects
from dpojob_trainer.shared.problem_text import row_share
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch

from .languages import Languages, language_of, minority_languages
from .leaking_features import LeakingFeature, leaking_features
from .near_duplicates import near_duplicates
from .near_identical import near_identical
from .pair_sample import PairSample, SampledPair
from .secrets import find_personal_data, find_secret
from .swapped_pairs import swapped_by_classifier, swapped_by_rule

MAX_EXAMPLES = 10
TELLING_ACCURACY = 0.97
"""Accuracy of the classifier of words from which form alone separates chosen from rejected."""

Pairs = Sequence[SampledPair]


def _in_answers(search: Callable[[str], str | None], pairs: Pairs) -> dict[int, str]:
    """What a search finds in the answers, by position."""
    found = {}
    for at, pair in enumerate(pairs):
        kind = next(filter(None, map(search, pair.answers)), None)
        if kind is not None:
            found[at] = kind
    return found


_ROW_SUSPECTS: Mapping[SuspectKind, tuple[Callable[[Pairs], dict[int, str]], str]] = {
    SuspectKind.SWAPPED_PAIR: (swapped_by_rule, "may be the wrong way round"),
    SuspectKind.NEAR_IDENTICAL_PAIR: (
        lambda pairs: dict.fromkeys(near_identical(pairs), "they differ in little but form"),
        "have nearly the same chosen and rejected answer",
    ),
    SuspectKind.NEAR_DUPLICATE: (
        lambda pairs: {
            at: "exactly" if _same(pairs[at], pairs[other]) else "nearly"
            for at, other in near_duplicates(pairs)
        },
        "repeat an earlier row",
    ),
    SuspectKind.SECRET: (partial(_in_answers, find_secret), "hold a secret in an answer"),
    SuspectKind.PERSONAL_DATA: (
        partial(_in_answers, find_personal_data),
        "hold personal data in an answer",
    ),
}
"""How the suspects about single rows are found, and what the report says of them."""


def _same(left: SampledPair, right: SampledPair) -> bool:
    return (left.prompt, left.chosen, left.rejected) == (right.prompt, right.chosen, right.rejected)


@dataclass
class SuspectFinder:
    """Collects accepted rows and compares a sample of them."""

    sample: PairSample = field(default_factory=PairSample)

    def add(self, batch: AcceptedBatch, margins: NDArray[np.float64] | None = None) -> None:
        """Add accepted rows of the training split.

        Args:
            batch: The rows.
            margins: The differences of their scores, as many; None without scores.
        """
        self.sample.add(batch, margins)

    def rows_of(self, kinds: Iterable[SuspectKind]) -> dict[int, str]:
        """Find the rows of some kinds, the same on any machine.

        Args:
            kinds: Kinds that are about single rows.

        Returns:
            The first kind by row number.
        """
        pairs = self.sample.pairs()
        found: dict[int, str] = {}
        for kind in kinds:
            search, _ = _ROW_SUSPECTS[kind]
            for at in search(pairs):
                found.setdefault(pairs[at].number, str(kind))
        return found

    def suspected_rows(self) -> dict[SuspectKind, set[int]]:
        """Find all suspected rows, those that are reported as examples and the others.

        Returns:
            Row numbers by kind.
        """
        pairs = self.sample.pairs()
        groups, _, _ = _all_suspects(pairs, _languages_of(pairs))
        return {kind: {pairs[at].number for at in reasons} for kind, reasons in groups.items()}

    def find(self) -> list[Suspects]:
        """Compare the rows of the sample.

        Returns:
            The suspects; examples are numbers of the first rows of each kind.
        """
        pairs = self.sample.pairs()
        known = _languages_of(pairs)
        groups, languages, accuracy = _all_suspects(pairs, known)
        texts = {kind: text for kind, (_, text) in _ROW_SUSPECTS.items()}
        texts[SuspectKind.LANGUAGE_MIX] = f"have an answer in another language than {languages}"
        found = [
            _about_rows(kind, pairs, reasons, texts[kind])
            for kind, reasons in groups.items()
            if reasons
        ]
        found += [_about_feature(leaking, pairs) for leaking in leaking_features(pairs, known)]
        if accuracy is not None and accuracy >= TELLING_ACCURACY:
            found.append(
                Suspects(
                    kind=SuspectKind.GIVEAWAY,
                    message=f"a classifier that sees only which words occur tells chosen from rejected "
                    f"in {accuracy:.0%} of pairs that it was not trained on; reward accuracy may be "
                    "1 from the start.",
                )
            )
        return found


def _languages_of(pairs: Pairs) -> list[Languages]:
    return [
        (language_of(chosen), language_of(rejected))
        for chosen, rejected in (pair.answers for pair in pairs)
    ]


def _all_suspects(
    pairs: Pairs, known: Sequence[Languages]
) -> tuple[dict[SuspectKind, dict[int, str]], str, float | None]:
    """Reasons by position for each kind about rows; the common languages; the classifier's accuracy."""
    groups = {kind: search(pairs) for kind, (search, _) in _ROW_SUSPECTS.items()}
    doubted, accuracy = swapped_by_classifier(pairs)
    for at in doubted:
        groups[SuspectKind.SWAPPED_PAIR].setdefault(at, "a classifier of words prefers rejected")
    rare, languages = minority_languages(known)
    groups[SuspectKind.LANGUAGE_MIX] = rare
    return groups, languages, accuracy


def _about_rows(kind: SuspectKind, pairs: Pairs, reasons: Mapping[int, str], text: str) -> Suspects:
    positions = sorted(reasons)
    counts = Counter(reasons.values()).most_common()
    details = "; ".join(f"{reason} ({count})" for reason, count in counts)
    return Suspects(
        kind=kind,
        rows=len(positions),
        examples=[pairs[at].number for at in positions[:MAX_EXAMPLES]],
        message=f"{row_share(len(positions), len(pairs))} {text}: {details}.",
    )


def _about_feature(leaking: LeakingFeature, pairs: Pairs) -> Suspects:
    return Suspects(
        kind=SuspectKind.GIVEAWAY,
        rows=round(leaking.coverage * len(pairs)),
        examples=[pairs[at].number for at in leaking.examples],
        message=f"of {leaking.coverage:.0%} of the pairs one answer alone {leaking.feature}, and in "
        f"{leaking.accuracy:.0%} of them that is the {leaking.side} one; training may learn this "
        "instead of quality, with reward accuracy near 1 from the start.",
    )
