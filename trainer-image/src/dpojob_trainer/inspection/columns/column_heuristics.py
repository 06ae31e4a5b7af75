"""Guessing what a column is for, from its name; guesses are suggested, never applied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from dpojob_api.spelling import nearest

ALIASES: Mapping[str, tuple[str, ...]] = {
    "prompt": (
        "question", "instruction", "query", "input", "user_prompt", "user_input", "user_message", "request",
        "problem", "context", "prompt_text", "prompts", "task", "user", "message", "post",
        "conversations", "conversation", "dialogue", "history", "问题", "提问", "提示", "提示词", "指令",
        "输入",
    ),
    "chosen": (
        "chosen_response", "preferred", "accepted", "winner", "better", "positive", "good", "best",
        "good_completion", "preferred_output", "better_answer", "win", "pos", "优选", "优选回答", "好回答",
        "好的回答", "更好的回答", "选择", "选中", "选择的回答",
    ),
    "rejected": (
        "rejected_response", "dispreferred", "unpreferred", "loser", "worse", "negative", "bad",
        "worst", "bad_completion", "rejected_output", "worse_answer", "lose", "neg", "拒绝", "拒绝的回答",
        "差回答", "差的回答", "坏回答", "坏的回答", "较差的回答",
    ),
    "system": ("system_prompt", "system_message", "sys_prompt", "system_instruction", "系统提示"),
}  # fmt: skip
"""Names seen in published preference data, best first."""
MARKED: Mapping[str, tuple[str, ...]] = {
    "chosen": ("y_w", "yw", "response_j"),
    "rejected": ("y_l", "yl", "response_k"),
}
"""Names of which one letter decides, as in the DPO paper; response_j is the better one in
lvwerra/stack-exchange-paired."""

PREFERRED = frozenset(
    (
        "chosen", "preferred", "accepted", "accept", "winner", "winning", "win", "better",
        "best", "good", "positive", "pos", "selected", "favored", "favoured", "favorite",
        "liked", "correct", "desirable", "safer",
    )
)  # fmt: skip
NOT_PREFERRED = frozenset(
    (
        "rejected", "reject", "dispreferred", "loser", "losing", "lose", "worse", "worst",
        "bad", "negative", "neg", "declined", "discarded", "incorrect", "wrong",
        "undesirable",
    )
)  # fmt: skip
NEGATED = ("un", "dis", "non", "in")
NEGATIONS = frozenset({"not", "non", "no", "never", "un", "dis", "less", "least"})
REPLY = (
    "response", "answer", "completion", "output", "generation", "candidate", "reply", "summary",
)  # fmt: skip
"""Words for a model's output."""
ANSWER = (
    *REPLY, "text", "model", "ref", "conversation", "messages", "option", "solution", "assistant",
)  # fmt: skip
"""Words for one of two answers."""
METADATA_WORDS = frozenset(
    (
        "id", "ids", "uuid", "hash", "score", "scores", "rating", "ratings", "reward",
        "rewards", "rank", "label", "labels", "url", "rationale", "explanation", "reason",
        "reasons", "feedback", "critique", "comment", "comments", "notes", "metadata",
        "judge", "judgement",
    )
)  # fmt: skip
"""Words in names of columns that hold something about an answer, not an answer."""
METADATA_SUFFIXES = frozenset(
    (
        "model", "name", "type", "source", "lang", "language", "category", "topic",
        "length", "len", "tokens", "count", "index", "idx", "date", "time", "author",
        "logprob", "logprobs", "probability", "margin",
    )
)  # fmt: skip
PREFERENCE_LABELS = frozenset(
    (
        "label", "labels", "preference", "choice", "verdict", "judgment", "judgement", "prefers",
        "wins", "vote",
    )
)  # fmt: skip


PAIR_SCORES = ("score", "rating", "reward")
"""Words of columns in which the higher number is the better answer's."""
PAIR_RANKS = ("rank", "ranking")
"""Words of columns in which either end may be the best."""

_STEM = rf"^(?P<stem>(?:[a-z0-9]+_)*(?:{'|'.join(ANSWER)})s?)"
_PAIRS = re.compile(
    _STEM + r"[_ -]?(?P<mark>[ab]|[01]|[12]|one|two|first|second|left|right)$", re.IGNORECASE
)
_NUMBERED = re.compile(_STEM + r"(?:_[a-z]|_?[0-9]{1,2})$")
"""One of any number of answers."""


def simplified(name: str) -> str:
    """Normalise a name to lower case and underscores.

    Args:
        name: A column's name.

    Returns:
        `good_response` for `Good-Response` and for `goodResponse`; letters of all scripts are kept.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\W_]+", "_", spaced.lower()).strip("_")


def preference_of(name: str) -> int:
    """Tell which answer a name stands for.

    Args:
        name: A column's name.

    Returns:
        1 for the preferred answer, -1 for the other one, 0 where the name has words for neither or both.
    """
    words = simplified(name).split("_")
    lean = {_preference_of(word) for word in words} - {0}
    if len(lean) != 1:
        return 0
    return -1 if NEGATIONS & set(words) else lean.pop()


def _preference_of(word: str) -> int:
    if word in PREFERRED or word in NOT_PREFERRED:
        return 1 if word in PREFERRED else -1
    rests = (word.removeprefix(prefix) for prefix in NEGATED if word.startswith(prefix))
    return -1 if any(rest in PREFERRED for rest in rests) else 0


def is_metadata(name: str) -> bool:
    """Tell whether a name is of metadata.

    Args:
        name: A column's name.

    Returns:
        Whether the column holds something about a text, such as its score or author, not a text.
    """
    words = simplified(name).split("_")
    return bool(METADATA_WORDS & set(words)) or (len(words) > 1 and words[-1] in METADATA_SUFFIXES)


def guess(field: str, columns: Sequence[str]) -> str | None:
    """Guess the column of a field by the names of the columns.

    Args:
        field: prompt, chosen, rejected or system.
        columns: The columns to choose from.

    Returns:
        The column whose name is the field's in other case, an alias or a near miss; None without one.
    """
    wanted = {"chosen": 1, "rejected": -1}.get(field, 0)
    by_name = {
        simplified(column): column
        for column in reversed(columns)
        if not is_metadata(column) and preference_of(column) in (0, wanted)
    }
    for candidate in (field, *ALIASES.get(field, ()), *MARKED.get(field, ())):
        if candidate in by_name:
            return by_name[candidate]
    if wanted:
        for name, column in by_name.items():
            if preference_of(name) == wanted and all(map(_is_known, name.split("_"))):
                return column
    unmarked = [name for name in by_name if not _PAIRS.match(name)]
    near = nearest(field, unmarked, cutoff=0.75)
    if near is not None:
        return by_name[near]
    for alias in ALIASES.get(field, ()):
        if len(alias) < 5:
            continue
        near = nearest(alias, unmarked, cutoff=0.85)
        if near is not None:
            return by_name[near]
    return None


def _is_known(word: str) -> bool:
    return (
        bool(_preference_of(word))
        or word in NEGATIONS
        or word in ANSWER
        or word.removesuffix("s") in ANSWER
    )


def is_answer(name: str) -> bool:
    """Tell whether a name is of an answer.

    Args:
        name: A column's name.

    Returns:
        Whether it has a word for an answer, preferred, rejected or neither.
    """
    words = set(simplified(name).split("_"))
    return any(map(_preference_of, words)) or bool(words & {*REPLY})


def is_preference_label(column: str) -> bool:
    """Tell whether a column beside two answers may name the preferred one in each row.

    Args:
        column: The column's name.

    Returns:
        Whether its name is that of a preference label, or of the better or the worse answer.
    """
    return preference_of(column) != 0 or bool(
        PREFERENCE_LABELS & set(simplified(column).split("_"))
    )


def undecided_pair(columns: Sequence[str]) -> tuple[str, str] | None:
    """Find two answer columns whose names do not tell which one is preferred.

    Args:
        columns: The columns to choose from.

    Returns:
        Two columns such as response_a and response_b; None without such a pair, or where there are
        more answers of the kind, such as response_c.
    """
    stems: dict[str, list[str]] = {}
    numbered = Counter(
        match["stem"] for column in columns if (match := _NUMBERED.match(simplified(column)))
    )
    for column in columns:
        match = _PAIRS.match(simplified(column))
        if match:
            stems.setdefault(match["stem"], []).append(column)
    bare = {column.lower(): column for column in columns if column.lower() in ("a", "b")}
    if len(bare) == 2:
        return bare["a"], bare["b"]
    # model_a and model_b are beside the answers, where there are others, who gave them.
    ordered = sorted(stems, key=lambda stem: stem.startswith("model"))
    return next(
        (
            (stems[stem][0], stems[stem][1])
            for stem in ordered
            if len(stems[stem]) == 2 and numbered[stem] <= 2
        ),
        None,
    )


def mark_of(answer: str) -> str:
    """Give what distinguishes one of two answers.

    Args:
        answer: The answer's column, such as response_a.

    Returns:
        The end of its name in lower case, such as a or 1; the whole name where it has no such end.
    """
    match = _PAIRS.match(simplified(answer))
    return match["mark"] if match else simplified(answer)


def columns_beside(
    words: Sequence[str], columns: Sequence[str], first: str, second: str
) -> tuple[str, str] | None:
    """Find the scores or the ranks of two answers.

    Args:
        words: What the columns are called: PAIR_SCORES or PAIR_RANKS.
        columns: The columns to choose from.
        first: The first answer's column.
        second: The second answer's column.

    Returns:
        The columns named for them, such as score_a and score_b; None without one for each.
    """
    left, right = (_column_beside(words, columns, answer) for answer in (first, second))
    return (left, right) if left and right else None


def _column_beside(words: Sequence[str], columns: Sequence[str], answer: str) -> str | None:
    match = _PAIRS.match(simplified(answer))
    if not match:
        return None
    mark = match["mark"]
    stem = match["stem"]
    wanted = [f"{word}_{tail}" for word in words for tail in (mark, f"{stem}_{mark}")]
    wanted += [f"{stem}_{mark}_{word}" for word in words]
    by_name = {simplified(column): column for column in columns}
    return next((by_name[name] for name in wanted if name in by_name), None)
