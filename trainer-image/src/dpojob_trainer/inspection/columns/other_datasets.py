"""Datasets for other methods than DPO, recognised so that they are refused by their own name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpojob_trainer.inspection.layouts import Schema, columns_of
from dpojob_trainer.shared.rows.messages import ROLE_KEYS

from .column_heuristics import REPLY, guess, is_metadata, preference_of, simplified
from .prompt_columns import ASSISTANTS, readable
from .row_sample import Sample, texts

NEEDS = (
    "DPO needs pairs: to each prompt one preferred and one other answer, in columns prompt, chosen and "
    "rejected"
)
MEDIA_ENDINGS = (
    ".wav", ".mp3", ".flac", ".ogg", ".m4a", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp",
    ".tiff", ".mp4", ".avi", ".mov", ".mkv", ".npy",
)  # fmt: skip
MEDIA_SHARE = 0.9
"""A column with at least this share of media files among its values is not a column of text."""
MEDIA_WORDS = frozenset(
    ("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "pixel", "pixels",
     "jpg", "jpeg", "png", "webp", "video", "videos", "audio", "audios", "speech", "wav", "mp3")
)  # fmt: skip
"""Words in names of columns that hold what the answers are about, not text."""
ANSWER_SCORES = (
    "score", "reward", "rating", "quality", "grade", "stars", "helpfulness", "correctness",
    "harmlessness", "label",
)  # fmt: skip
"""Words of columns that score the one answer of a row."""
ANSWER_RANKS = ("rank", "ranking", "place")
"""Words of columns that rank the one answer of a row among those to the same prompt."""
LABELS = frozenset(
    ("label", "labels", "tag", "feedback", "thumb", "thumbs", "upvote", "vote", "helpful", "like",
     "approved")
)  # fmt: skip
"""Words for what says in each row whether its answer is a good one, besides those of preference."""
GOOD_OR_BAD = (
    {"true", "false"}, {"0", "1", "0.0", "1.0"}, {"-1", "1", "-1.0", "1.0"}, {"good", "bad"},
    {"desirable", "undesirable"}, {"up", "down"}, {"thumbs_up", "thumbs_down"}, {"like", "dislike"},
    {"positive", "negative"}, {"chosen", "rejected"}, {"accepted", "rejected"}, {"yes", "no"},
    {"👍", "👎"},
)  # fmt: skip
TALKS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "transcript")
WHOLE_TEXTS = ("text", "content", "document")
"""Names of columns that hold a prompt with its answer as one text."""
TARGETS = ("target", "targets", "solution", "assistant", "reference", "translation")
"""Names of the one answer in data for supervised fine-tuning, besides those of a reply."""
LISTS = (*REPLY, "choice", "message", "sample", "option", "rollout", "text")
"""Words for answers; a list column with such a name holds several answers to one prompt."""
MIN_RANKED = 3
"""Answer columns of one stem, such as response_1 to response_4, from which they are a ranking."""


def describe_media(columns: Sequence[str], rows: Sample) -> str | None:
    """Recognise answers that are names of files.

    Args:
        columns: The answers' columns.
        rows: A sample of rows.

    Returns:
        What they are and what is needed instead; None where they are texts.
    """
    for column in columns:
        found = texts(rows, column)
        named = sum(map(_is_media_name, found))
        if found and named >= MEDIA_SHARE * len(found):
            return (
                f"the answers in {column!r} are names of media files ({found[0].strip()[:60]!r}), not "
                f"text; DPOJob trains on text. {NEEDS}, as text."
            )
    return None


def media_column(schema: Schema, rows: Sample) -> str | None:
    """Find a column of images, or of other media, that the answers may be about.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        A column with such a name and such values; None without one.
    """
    for column in columns_of(schema):
        if not {*simplified(column).split("_")} & MEDIA_WORDS:
            continue
        if {f"{column}.bytes", f"{column}.path"} <= schema.keys():
            return column  # As `datasets` writes images and audio.
        values = [row[column] for row in rows if row.get(column) is not None]
        items = [
            item for value in values for item in (value if isinstance(value, list) else [value])
        ]
        media = sum(
            isinstance(i, Mapping) or (isinstance(i, str) and _is_media_name(i)) for i in items
        )
        if items and media >= MEDIA_SHARE * len(items):
            return column
    return None


def describe_other_dataset(schema: Schema, rows: Sample) -> str | None:
    """Recognise a dataset that holds no preference pairs.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        What kind of dataset it is and what is needed instead; None where that is not certain.
    """
    columns = _Columns.of(schema)
    for recognised in (
        _ranking(columns, rows),
        _binary_feedback(columns, rows),
        _scored(columns),
        _demonstrations(columns),
    ):
        if recognised is not None:
            return f"{recognised} {NEEDS}."
    return None


@dataclass(frozen=True)
class _Columns:
    """The columns of a dataset that has no pair of answers, by what their names say."""

    schema: Schema
    names: Mapping[str, str]
    """Every column by its simplified name."""
    texts: Sequence[str]
    """Columns of text or messages that are no metadata."""
    answers: Sequence[str]
    """Those with the name of one answer."""

    @classmethod
    def of(cls, schema: Schema) -> _Columns:
        names = {simplified(column): column for column in columns_of(schema)}
        found = [column for column in readable(schema) if not is_metadata(column)]
        words = [_singular_words(simplified(column)) for column in found]
        answers = [column for column, parts in zip(found, words, strict=True) if parts & {*REPLY}]
        return cls(schema, names, found, answers)

    def named(self, names: Sequence[str]) -> str | None:
        """The first text column that has one of some names."""
        return next((self.names[n] for n in names if self.names.get(n) in self.texts), None)

    def with_word(self, words: Iterable[str]) -> list[str]:
        """Columns whose names have one of some words."""
        return [c for name, c in self.names.items() if {*name.split("_")} & {*words}]

    @property
    def only_answer(self) -> str | None:
        """The one answer of each row: by its name, or because there is no other text."""
        if self.answers:
            return self.answers[0] if len(self.answers) == 1 else None
        named = self.named((*TALKS, *WHOLE_TEXTS, *TARGETS))
        if named is not None or len(self.texts) != 1 or preference_of(self.texts[0]):
            return named
        return self.texts[0]


def _binary_feedback(columns: _Columns, rows: Sample) -> str | None:
    if columns.only_answer is None:
        return None
    for column in columns.names.values():
        words = {*simplified(column).split("_")}
        values = {str(row[column]).lower() for row in rows if row.get(column) is not None}
        if (
            (words & LABELS or preference_of(column))
            and values
            and any(values <= both for both in GOOD_OR_BAD)
        ):
            return (
                f"This is a KTO dataset: single answers, each labelled good or bad by {column!r}, not "
                "pairs. KTO is another method (TRL's KTOTrainer). Pair a good and a bad answer to the same "
                "prompt;"
            )
    return None


def _ranking(columns: _Columns, rows: Sample) -> str | None:
    for name, column in columns.names.items():
        if _singular_words(name) & {*LISTS} and any(
            _is_list_of_answers(row.get(column)) for row in rows
        ):
            return (
                f"This is a dataset of several answers to each prompt (a ranking): {column!r} holds "
                "lists. Write one row for each pair, the better-ranked answer as chosen;"
            )
    stems: dict[str, list[str]] = {}
    for column in columns.texts:
        name = simplified(column)
        number = re.search(r"_?(?:[0-9]{1,2}|[a-z])\Z", name)
        stem = name[: number.start()] if number else ""
        if {*stem.split("_")} & {*REPLY}:
            stems.setdefault(stem, []).append(column)
    several = next((found for found in stems.values() if len(found) >= MIN_RANKED), None)
    if several is not None:
        return (
            f"This is a dataset of {len(several)} answers to each prompt (a ranking): "
            f"{', '.join(several[:6])}. Write one row for each pair, the better one as chosen;"
        )
    ranks = [c for c in columns.with_word(ANSWER_RANKS) if columns.schema[c] == "number"]
    if ranks and columns.only_answer is not None:
        return (
            f"This is a dataset of ranked answers (a ranking): {columns.only_answer!r} with {ranks[0]!r}, "
            "one answer a row. Write one row for each pair of answers to the same prompt, the "
            "better-ranked one as chosen;"
        )
    return None


def _singular_words(name: str) -> set[str]:
    """The words of a simplified name, `reply` for `replies` too."""
    return {
        f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
        for word in name.split("_")
    }


def _is_media_name(text: str) -> bool:
    """Whether a text is the name or the address of a media file, or the file itself as a data URI."""
    name = text.strip().lower().partition("?")[0]
    if name.startswith(("data:image/", "data:audio/", "data:video/")):
        return True
    return len(name.split()) == 1 and name.endswith(MEDIA_ENDINGS) and name not in MEDIA_ENDINGS


def _is_list_of_answers(value: Any) -> bool:
    """Whether a value is a list of texts, of lists or of objects that are no conversation."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    roles = [item.get("role") for item in value if isinstance(item, Mapping)]
    if len(roles) == len(value) and all(str(role).lower() in ASSISTANTS for role in roles):
        return True
    return all(
        isinstance(item, str | list)
        or (isinstance(item, Mapping) and not {*ROLE_KEYS} & item.keys())
        for item in value
    )


def _scored(columns: _Columns) -> str | None:
    scores = [c for c in columns.with_word(ANSWER_SCORES) if columns.schema[c] == "number"]
    if not scores or columns.only_answer is None:
        return None
    return (
        f"This is a dataset of scored answers (reward model): {columns.only_answer!r} with "
        f"{scores[0]!r}, one answer a row. Pair two answers to the same prompt by their scores;"
    )


def _demonstrations(columns: _Columns) -> str | None:
    answer = columns.only_answer
    if answer is None:
        return None
    name = simplified(answer)
    others = [column for column in columns.texts if column != answer]
    if answer in columns.answers or name in TARGETS:
        if guess("prompt", others) is None and not (name in TARGETS and len(others) == 1):
            return None
        where = f"{answer!r} is one answer to each prompt"
    elif columns.schema[answer] == "messages" or name in TALKS:
        where = f"{answer!r} holds whole conversations"
    elif name in WHOLE_TEXTS:
        where = f"{answer!r} holds whole texts"
    else:
        return None
    return (
        f"This is an SFT dataset: {where}, with no other answer to compare it to. Supervised "
        "fine-tuning is another method (TRL's SFTTrainer). Add a worse answer to each prompt;"
    )
