"""Datasets for other methods than DPO, recognised so that they are refused by their own name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dpojob_trainer.inspection.layouts import Schema, columns_of

from .column_heuristics import REPLY, guess, simplified
from .prompt_columns import readable
from .row_sample import Sample, texts

NEEDS = (
    "DPO needs pairs: to each prompt one preferred and one other answer, in columns prompt, chosen and "
    "rejected"
)
MEDIA_ENDINGS = (
    ".wav",
    ".mp3",
    ".flac",
    ".ogg",
    ".m4a",
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".gif",
    ".bmp",
    ".tiff",
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".npy",
)
MEDIA_SHARE = 0.9
"""Share of answers that are names of media files, from which the dataset is none of text."""
SCORES = ("score", "reward", "rating", "quality", "grade", "helpfulness")
TALKS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns")
LISTS = (*REPLY, "choice", "message")
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


def describe_other_dataset(schema: Schema, rows: Sample) -> str | None:
    """Recognise a dataset that holds no preference pairs.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        What kind of dataset it is and what is needed instead; None where that is not certain.
    """
    names = {simplified(column): column for column in columns_of(schema)}
    answers = _answers(schema)
    for recognised in (
        _binary_feedback(names, answers, rows),
        _ranking(schema, names, rows),
        _scored(names, answers, schema),
        _demonstrations(schema, names, answers),
    ):
        if recognised is not None:
            return f"{recognised} {NEEDS}."
    return None


def _answers(schema: Schema) -> list[str]:
    """Columns of text or messages with the name of one answer."""
    words = ({*simplified(column).split("_")} for column in readable(schema))
    return [
        column
        for column, parts in zip(readable(schema), words, strict=True)
        if parts & {*REPLY} or {part.removesuffix("s") for part in parts} & {*REPLY}
    ]


def _binary_feedback(names: Mapping[str, str], answers: Sequence[str], rows: Sample) -> str | None:
    label = next(
        (names[n] for n in ("label", "kto_tag", "thumbs_up", "is_good", "desirable") if n in names),
        None,
    )
    if label is None or len(answers) > 1:
        return None
    values = {str(row.get(label)).lower() for row in rows if row.get(label) is not None}
    if not values or (
        not values <= {"true", "false"} and not (answers and values <= {"0", "1", "0.0", "1.0"})
    ):
        return None
    return (
        f"This is a KTO dataset: single answers, each labelled good or bad by {label!r}, not pairs. "
        "KTO is another method (TRL's KTOTrainer). Pair a good and a bad answer to the same prompt;"
    )


def _ranking(schema: Schema, names: Mapping[str, str], rows: Sample) -> str | None:
    for name, column in names.items():
        words = {word.removesuffix("s") for word in name.split("_")}
        if words & {*LISTS} and any(_is_list_of_answers(row.get(column)) for row in rows):
            return (
                f"This is a dataset of several answers to each prompt (a ranking): {column!r} holds "
                "lists. Write one row for each pair, the better-ranked answer as chosen;"
            )
    stems: dict[str, list[str]] = {}
    for column in readable(schema):
        name = simplified(column)
        number = re.search(r"_?(?:[0-9]{1,2}|[a-z])\Z", name)
        stem = name[: number.start()] if number else ""
        if {*stem.split("_")} & {*REPLY}:
            stems.setdefault(stem, []).append(column)
    ranked = next((found for found in stems.values() if len(found) >= MIN_RANKED), None)
    if ranked is None:
        return None
    return (
        f"This is a dataset of {len(ranked)} answers to each prompt (a ranking): "
        f"{', '.join(ranked[:6])}. Write one row for each pair, the better one as chosen;"
    )


def _is_media_name(text: str) -> bool:
    name = text.strip().lower()
    return len(name.split()) == 1 and name.endswith(MEDIA_ENDINGS) and name not in MEDIA_ENDINGS


def _is_list_of_answers(value: Any) -> bool:
    """Whether a value is a list of texts, of lists or of objects that are no messages."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    return all(
        isinstance(item, str | list)
        or (isinstance(item, Mapping) and not {"role", "from", "speaker"} & item.keys())
        for item in value
    )


def _scored(names: Mapping[str, str], answers: Sequence[str], schema: Schema) -> str | None:
    score = next(
        (
            column
            for name, column in names.items()
            if {*name.split("_")} & {*SCORES} and schema[column] == "number"
        ),
        None,
    )
    if score is None or len(answers) != 1:
        return None
    return (
        f"This is a dataset of scored answers (reward model): {answers[0]!r} with {score!r}, one answer "
        "a row. Pair two answers to the same prompt by their scores;"
    )


def _demonstrations(schema: Schema, names: Mapping[str, str], answers: Sequence[str]) -> str | None:
    texts_or_talks = readable(schema)
    talk = next((names[n] for n in TALKS if n in names and names[n] in texts_or_talks), None)
    free = [column for column in texts_or_talks if column not in answers]
    if len(answers) == 1 and guess("prompt", free) is not None:
        where = f"{answers[0]!r} is one answer to each prompt"
    elif not answers and talk is not None and schema[talk] == "messages":
        where = f"{talk!r} holds whole conversations"
    else:
        return None
    return (
        f"This is an SFT dataset: {where}, with no other answer to compare it to. Supervised "
        "fine-tuning is another method (TRL's SFTTrainer). Add a worse answer to each prompt;"
    )
