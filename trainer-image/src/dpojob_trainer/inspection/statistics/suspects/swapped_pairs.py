"""Pairs whose chosen and rejected answers are probably swapped."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from .classifier import MIN_PAIRS, disagreement
from .pair_sample import SampledPair

REFUSAL = re.compile(
    r"\W{0,3}(?:(?:i['\u2019]?m|i am) (?:really |very |so )?(?:sorry|afraid|unable|not able)\b"
    r"|i (?:can(?:no|['\u2019])t|cannot|won['\u2019]t) (?:help|assist|answer|provide|do|comply|fulfil|discuss)"
    r"|(?:as|since i am) an ai\b.{0,80}\b(?:cannot|can['\u2019]t|unable|not able)"
    r"|sorry, (?:but )?i (?:can|am|do)"
    r"|(?:je suis désolé|lo siento|es tut mir leid|申し訳|抱歉|对不起|죄송))",
    re.IGNORECASE | re.DOTALL,
)
"""The beginning of an answer that refuses."""
SAYS_IT_IS_WORSE = re.compile(
    r"\W{0,3}(?:bad|worse|wrong|incorrect|rejected|poor|inferior) (?:answer|response|example|reply)\b"
    r"|\W{0,3}(?:idk\b|i (?:don['\u2019]t|do not) know(?:[.!]|\W{0,3}\Z))",
    re.IGNORECASE,
)
"""The beginning of an answer that calls itself worse, or that does not answer."""
CALLS_ITSELF_WORSE = re.compile(
    r"\bthis (?:answer|response|reply) is (?:\w{1,12} )?"
    r"(?:worse|wrong|incorrect|bad|rejected|inferior|poor)\b",
    re.IGNORECASE,
)
"""The same anywhere in an answer."""
MAX_EXAMINED = 400
"""Characters of an answer that are searched."""
REFUSAL_SHARE = 0.05
"""Share of rows up to which refusals as chosen are exceptions, not what the dataset teaches."""
MIN_ACCURACY = 0.75
"""Share of pairs that the classifier must get right for its disagreement to count."""
MAX_PROBABILITY = 0.15
"""Probability of chosen, by the classifier, below which a pair is suspected."""


def swapped_by_rule(pairs: Sequence[SampledPair]) -> dict[int, str]:
    """Find pairs in which scores or phrases mark rejected as the better answer.

    Args:
        pairs: The rows.

    Returns:
        The reason by position.
    """
    found: dict[int, str] = {}
    answers = [pair.answers for pair in pairs]
    for at, pair in enumerate(pairs):
        if pair.margin < 0:
            found[at] = "chosen has the lower score"
    for at, (chosen, rejected) in enumerate(answers):
        if _is_worse(chosen) and not _is_worse(rejected):
            found.setdefault(at, "chosen says that it is the worse answer, or does not answer")
    refused = [(_says(REFUSAL, chosen), _says(REFUSAL, rejected)) for chosen, rejected in answers]
    only_chosen = [at for at, sides in enumerate(refused) if sides == (True, False)]
    only_rejected = sum(sides == (False, True) for sides in refused)
    if len(only_chosen) <= max(REFUSAL_SHARE * len(pairs), 0.25 * only_rejected):
        for at in only_chosen:
            found.setdefault(at, "chosen is a refusal and rejected answers")
    return found


def swapped_by_classifier(pairs: Sequence[SampledPair]) -> tuple[list[int], float | None]:
    """Find pairs on which a classifier of words disagrees, if it is right on most others.

    The figures depend on the processor in their last digits, so no row is left out for them.

    Args:
        pairs: The rows.

    Returns:
        Positions, and the share of pairs that it predicts right (None with too few to train it).
    """
    if len(pairs) < MIN_PAIRS:
        return [], None
    predicted = disagreement([pair.answers for pair in pairs], [pair.prompt_text for pair in pairs])
    accuracy = float((predicted > 0.5).mean())
    if accuracy < MIN_ACCURACY:
        return [], accuracy
    return np.flatnonzero(predicted < MAX_PROBABILITY).tolist(), accuracy


def _says(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.match(text[:MAX_EXAMINED]) is not None


def _is_worse(text: str) -> bool:
    text = text[:MAX_EXAMINED]
    if SAYS_IT_IS_WORSE.match(text) is not None:
        return True
    # Most texts need no search; some letters outside of ASCII are equal to ASCII's up to case.
    may_hold = not text.isascii() or "this " in text.lower()
    return may_hold and CALLS_ITSELF_WORSE.search(text) is not None
