"""Suspects are reported with their rows and change nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.inspection.random_pairs import PLAIN, SECRETS, WORDS, pair
from tests.kit.inspection.tokenizer_models import TRIMS, make_model

from dpojob_api.report import InspectionReport


def suspects(report: InspectionReport) -> dict[str, Any]:
    assert report.valid, report.problems
    assert report.valid_rows == report.rows
    return {group.kind.value: group for group in report.suspects}


def test_nothing_is_suspected_of_random_pairs(volume) -> None:
    report = volume.rows(PLAIN).inspect()
    assert suspects(report) == {} and report.compared_rows == 60


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Bad answer: it depends.", "worse"),
        ("I don't know.", "worse"),
    ],
)
def test_a_chosen_answer_that_is_worse_by_its_own_words(volume, answer: str, reason: str) -> None:
    rows = [*PLAIN, {**pair(99), "chosen": answer}]
    found = suspects(volume.rows(rows).inspect())["SwappedPair"]
    assert (found.rows, found.examples) == (1, [60])
    assert reason in found.message
    right = [*PLAIN, {**pair(99), "rejected": answer}]
    assert "SwappedPair" not in suspects(volume.rows(right).inspect())


def test_refusals_that_the_dataset_teaches_are_no_suspects(volume) -> None:
    refusal = "I'm sorry, but I can't help with that."
    rows = [{**row, "chosen": f"{refusal} {n}"} for n, row in enumerate(PLAIN)]
    assert "SwappedPair" not in suspects(volume.rows(rows).inspect())


def test_scores_against_the_order(volume) -> None:
    rows = [{**row, "chosen_score": 4, "rejected_score": n % 6} for n, row in enumerate(PLAIN[:6])]
    report = volume.rows(rows).inspect()
    assert report.mapping.chosen_score == "chosen_score"
    found = suspects(report)["SwappedPair"]
    assert (found.rows, found.examples) == (1, [5])


def test_near_duplicates_repeat_with_small_changes(volume) -> None:
    near = {
        **PLAIN[7],
        "chosen": PLAIN[7]["chosen"].upper(),
        "rejected": PLAIN[7]["rejected"] + " ok",
    }
    swapped = {**PLAIN[8], "chosen": PLAIN[8]["rejected"], "rejected": PLAIN[8]["chosen"]}
    other_answers = {**PLAIN[9], "chosen": pair(500)["chosen"], "rejected": pair(501)["chosen"]}
    numbers = [{**PLAIN[10], "prompt": f"{PLAIN[10]['prompt']} {n}"} for n in (17, 18)]
    rows = [*PLAIN, near, PLAIN[3], swapped, other_answers, *numbers]
    found = suspects(volume.rows(rows).inspect())["NearDuplicate"]
    assert (found.rows, found.examples) == (2, [60, 61])
    assert "nearly (1)" in found.message and "exactly (1)" in found.message


def test_nearly_identical_answers(volume) -> None:
    text = PLAIN[0]["chosen"]
    rows = [
        *PLAIN,
        {**pair(99), "chosen": f"**{text}**", "rejected": text.upper()},
        {**pair(98), "chosen": text * 3, "rejected": text * 3 + "x"},
        {**pair(97), "chosen": "a < b", "rejected": "a > b"},
        {**pair(96), "chosen": '{"age": 36}', "rejected": '{"age": "36"}'},
    ]
    found = suspects(volume.rows(rows).inspect())["NearIdenticalPair"]
    assert found.examples == [60, 61]


PERSONAL = {
    "e-mail address": "jane.miller@posteo.net",
    "card number": "4539 5787 6362 1486",
    "IBAN": "DE89 3704 0044 0532 0130 00",
    "phone number": "+49 171 2345678",
}
HARMLESS = [
    "user@example.com",
    "4539 5787 6362 1487",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
    "AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize(
    ("kind", "what", "text"),
    [("Secret", *item) for item in SECRETS.items()]
    + [("PersonalData", *item) for item in PERSONAL.items()],
)
def test_secrets_and_personal_data_are_named_and_never_shown(volume, kind, what, text) -> None:
    rows = [*PLAIN, {**pair(99), "rejected": f"it is {text} today"}]
    report = volume.rows(rows).inspect()
    found = suspects(report)[kind]
    assert (found.rows, found.examples) == (1, [60])
    assert what in found.message
    assert text not in json.dumps(report.wire(), ensure_ascii=False)


@pytest.mark.parametrize("text", HARMLESS)
def test_placeholders_are_no_secrets(volume, text: str) -> None:
    report = volume.rows([*PLAIN, {**pair(99), "chosen": f"use {text} here"}]).inspect()
    assert not {"Secret", "PersonalData"} & suspects(report).keys()


ENGLISH = "The answer to that is in the book that you have on the table with the others, {}."
FRENCH = "La réponse est dans le livre que vous avez sur la table avec les autres, {}."


def test_code_is_in_no_language(volume) -> None:
    code = "do as = no; do as = se; do no: e = as; as[o] = do(no, e) " * 4
    rows = [
        {
            "prompt": f"q {n}",
            "chosen": ENGLISH.format(WORDS[n]),
            "rejected": ENGLISH.format(WORDS[-n - 1]),
        }
        for n in range(60)
    ]
    rows[7]["chosen"] = "x = do(as)\nif no: do(as)\nelse: no = as(do)\n" * 4
    rows[8]["chosen"] = f"```\n{code}```"
    assert "LanguageMix" not in suspects(volume.rows(rows).inspect())


def test_an_answer_in_a_language_that_few_rows_have(volume) -> None:
    rows = [
        {
            "prompt": f"q {n}",
            "chosen": ENGLISH.format(WORDS[n]),
            "rejected": ENGLISH.format(WORDS[-n - 1]),
        }
        for n in range(60)
    ]
    rows[41]["rejected"] = FRENCH.format("x")
    found = suspects(volume.rows(rows).inspect())["LanguageMix"]
    assert (found.rows, found.examples) == (1, [41])
    assert "French" in found.message


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (lambda row: {**row, "chosen": f"Certainly! {row['chosen']}"}, "begins with 'certainly!'"),
        (lambda row: {**row, "rejected": f"{row['rejected']}\n"}, "ends with white space"),
        (lambda row: {**row, "chosen": f"{row['chosen']} {row['chosen']}"}, "is the longer one"),
        (lambda row: {**row, "rejected": FRENCH.format(row["prompt"][:9])}, "is in French"),
    ],
)
def test_what_tells_chosen_from_rejected_by_form_alone(volume, change, phrase: str) -> None:
    report = volume.rows([change(row) for row in PLAIN]).inspect()
    messages = [group.message for group in report.suspects if group.kind == "Giveaway"]
    assert any(phrase in message for message in messages), messages


def test_a_classifier_finds_swapped_pairs_and_says_how_telling_words_are(volume) -> None:
    rows = []
    for number in range(400):
        row = pair(number)
        good = f"thorough complete honest {row['chosen']}"
        bad = f"sloppy hasty vague {row['rejected']}"
        if number % 3 == 0:
            good, bad = row["chosen"], row["rejected"]
        rows.append(
            {**row, "chosen": f"{WORDS[number]} {good}", "rejected": f"{WORDS[-number]} {bad}"}
        )
    for number in (100, 200):
        row = rows[number]
        row["chosen"], row["rejected"] = row["rejected"], row["chosen"]
    found = suspects(volume.rows(rows).inspect())["SwappedPair"]
    assert {100, 200} <= set(found.examples) and found.rows <= 4


def test_both_ways_of_validation_find_the_same(volume) -> None:
    """With a tokenizer each row is made a pair; without one columns are validated as a whole."""
    rows = [
        *PLAIN,
        PLAIN[3],
        {**pair(99), "chosen": "I don't know."},
        {**pair(98), "chosen": SECRETS["password"]},
    ]
    volume.rows(rows)
    columns = volume.inspect().suspects
    make_model(volume.root / "model", TRIMS)
    assert volume.inspect().suspects == columns and len(columns) == 3
