"""Precision and recall of the suspects on planted errors.

Each kind of error is planted into a separate share of synthetic pairs, beside harmless look-alikes (sample
addresses, questions that differ in a number), or swaps into pairs of your own. Precision is the share of reported
rows that were planted, recall the share of planted rows that were reported.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from bench.pages import table

from dpojob_api.report import SuspectKind
from dpojob_trainer.inspection.statistics.suspects import SuspectFinder
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import PreferencePair

from .pairs import words

Row = dict[str, str]
PRAISED = ["clearly", "thorough", "step", "example", "because", "therefore", "result", "precisely"]
BLAMED = ["maybe", "whatever", "stuff", "guess", "dunno", "kinda", "probably", "anyway"]
ENGLISH = "the answer to this is in the list that you have and it can be read for the rest of it"
SPANISH = (
    "la respuesta a esto está en la lista que usted tiene y se puede leer para el resto de ella"
)
REFUSALS = ["I'm sorry, but I can't help with that.", "I cannot assist with this request.",
            "As an AI, I am not able to answer that.", "Sorry, I can't do that."]  # fmt: skip
WORSE = ["Bad answer: {}", "I don't know.", "idk {}", "{} This answer is wrong."]
SECRETS = ["AKIA{}", "ghp_{}abcdefghij0123456789", "hf_{}abcdefghijklmnopqr", 'password = "{}"']
PERSONAL = [
    "mail {}@posteo.net",
    "call +49 171 {} 5678",
    "card 4539 5787 6362 1486",
    "SSN 212-09-9999",
]
HARMLESS = ["mail me@example.com", "order 4539 5787 6362 1487", "key sk-xxxxxxxxxxxxxxxxxxxxxxxx"]


def pair(dice: random.Random) -> Row:
    """A pair of random words in which good answers tend to use some words and bad ones others."""

    def answer(leaning: list[str]) -> str:
        text = words(dice, 60).split()
        for _ in range(4):
            source = leaning if dice.random() < 0.8 else dice.choice([PRAISED, BLAMED])
            text[dice.randrange(60)] = dice.choice(source)
        return " ".join([*text, ENGLISH]) + "."

    return {"prompt": words(dice, 30) + "?", "chosen": answer(PRAISED), "rejected": answer(BLAMED)}


def _edited(dice: random.Random, text: str) -> str:
    """The text with one word in thirty replaced, and other case and punctuation."""
    edited = text.split()
    for _ in range(max(1, len(edited) // 30)):
        edited[dice.randrange(len(edited))] = words(dice, 1)
    return " ".join(edited).capitalize() + dice.choice(["", "!", "."])


def swapped(dice: random.Random, row: Row) -> Row:
    return {**row, "chosen": row["rejected"], "rejected": row["chosen"]}


def refused(dice: random.Random, row: Row) -> Row:
    return {**row, "chosen": dice.choice(REFUSALS)}


def worse(dice: random.Random, row: Row) -> Row:
    return {**row, "chosen": dice.choice(WORSE).format(words(dice, 5))}


def repeated(dice: random.Random, row: Row) -> Row:
    return {name: _edited(dice, text) for name, text in row.items()}


def nearly_identical(dice: random.Random, row: Row) -> Row:
    text = row["chosen"]
    return {**row, "rejected": dice.choice([f"**{text}**", text.upper(), text + "s"])}


def inserted(choices: list[str]) -> Callable[[random.Random, Row], Row]:
    def plant(dice: random.Random, row: Row) -> Row:
        token = "".join(dice.choices("ABCDEFGHJKLMNPQRSTUVWXYZ234567", k=16))
        if "{}" in (text := dice.choice(choices)) and text.startswith("call"):
            token = str(dice.randrange(100, 999))
        side = dice.choice(["chosen", "rejected"])
        return {**row, side: f"{row[side][:80]} {text.format(token)} {row[side][80:]}"}

    return plant


def in_spanish(dice: random.Random, row: Row) -> Row:
    return {**row, "chosen": f"{words(dice, 5)} {SPANISH} {SPANISH}"}


PLANTED: list[tuple[str, SuspectKind, Callable[[random.Random, Row], Row]]] = [
    ("swapped, by a classifier", SuspectKind.SWAPPED_PAIR, swapped),
    ("a refusal as chosen", SuspectKind.SWAPPED_PAIR, refused),
    ("chosen says it is worse", SuspectKind.SWAPPED_PAIR, worse),
    ("near-duplicate", SuspectKind.NEAR_DUPLICATE, repeated),
    ("near-identical answers", SuspectKind.NEAR_IDENTICAL_PAIR, nearly_identical),
    ("secret", SuspectKind.SECRET, inserted(SECRETS)),
    ("personal data", SuspectKind.PERSONAL_DATA, inserted(PERSONAL)),
    ("another language", SuspectKind.LANGUAGE_MIX, in_spanish),
]


def _found(rows: list[Row]) -> dict[SuspectKind, set[int]]:
    finder = SuspectFinder()
    pairs = [PreferencePair(r["prompt"], r["chosen"], r["rejected"], "standard") for r in rows]
    finder.add(AcceptedBatch.of_pairs(range(len(rows)), pairs))
    return finder.suspected_rows()


HEADER = ["error", "planted", "reported", "precision", "recall"]


def _line(name: str, found: set[int], planted: set[int]) -> list[str]:
    right = len(found & planted)
    precision = f"{right / len(found):.2f}" if found else "-"
    recall = f"{right / len(planted):.2f}"
    return [name, f"{len(planted)}", f"{len(found)}", precision, recall]


def measure_swaps(path: Path) -> list[str]:
    """A table for pairs of a file, of which 5% are swapped."""
    dice = random.Random(7)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    chosen = set(dice.sample(range(len(rows)), max(1, len(rows) // 20)))
    rows = [swapped(dice, row) if at in chosen else row for at, row in enumerate(rows)]
    found = _found(rows).get(SuspectKind.SWAPPED_PAIR, set())
    return table(HEADER, [_line("swapped, 5% of the rows", found, chosen)])


def measure_planted(count: int, share: float) -> list[str]:
    """A table with a line for each kind of error, each in a share of synthetic pairs."""
    dice = random.Random(7)
    rows = [pair(dice) for _ in range(count)]
    for at in range(0, count, 50):
        rows[at] = inserted(HARMLESS)(dice, rows[at])
    for at in range(1, count - 1, 100):
        rows[at] = {**rows[at], "prompt": f"{rows[at]['prompt']} {at}"}
        rows[at + 1] = {**rows[at], "prompt": f"{rows[at]['prompt'].rsplit(' ', 1)[0]} {at + 1}"}
    free = [at for at in range(count) if at % 50 not in (0, 1, 2)]
    dice.shuffle(free)
    size = int(count * share)
    planted = []
    for name, kind, plant in PLANTED:
        chosen, free = free[:size], free[size:]
        for at in chosen:
            source = rows[dice.randrange(at)] if plant is repeated and at else rows[at]
            rows[at] = plant(dice, source)
        planted.append((name, kind, set(chosen)))
    found = _found(rows)
    lines = []
    for name, kind, wanted in planted:
        others = set().union(*(o for n, k, o in planted if k is kind and n != name))
        lines.append(_line(name, found.get(kind, set()) - others, wanted))
    return [
        f"{count:,} pairs, {share:.0%} of them with each kind of error.",
        "",
        *table(HEADER, lines),
    ]
