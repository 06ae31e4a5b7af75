"""Pairs that differ on paper and not in their tokens: TRL would learn nothing from them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.tokenizer_models import CHATML, TRIMS, make_model
from tests.kit.inspection.volume_fixture import InspectionVolume, codes, spec_of

from dpojob_trainer.inspection import accepted_rows

GOOD = {"prompt": "q", "chosen": "red", "rejected": "blue"}


def answer(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text, **more}]


def call(name: str) -> list[dict[str, Any]]:
    calls = [{"type": "function", "function": {"name": name, "arguments": {}}}]
    return [{"role": "assistant", "tool_calls": calls}]


ASKED = [{"role": "user", "content": "q"}]
ALIKE = {
    "white space": (TRIMS, {"prompt": "q", "chosen": "red", "rejected": "red\n"}),
    "a name": (CHATML, {"prompt": ASKED, "chosen": answer("a", name="x"), "rejected": answer("a", name="y")}),
    "thoughts": (CHATML, {"prompt": ASKED, "chosen": answer("a", thinking="x"), "rejected": answer("a", thinking="y")}),
    "tool calls": (CHATML, {"prompt": ASKED, "chosen": call("f"), "rejected": call("g")}),
}  # fmt: skip


def with_template(volume: InspectionVolume, template: str | None) -> InspectionVolume:
    make_model(volume.root / "model", template)
    return volume


@pytest.mark.parametrize("difference", ALIKE)
def test_a_difference_that_the_template_leaves_out_is_none(volume, difference) -> None:
    template, row = ALIKE[difference]
    report = with_template(volume, template).rows([row]).inspect()
    assert codes(report) == {"IdenticalPair": 1}
    assert "chat template makes both answers the same" in report.errors[0].message


def test_a_difference_that_the_template_shows_is_one(volume) -> None:
    row = {"prompt": "q", "chosen": "red", "rejected": "red\n"}
    assert with_template(volume, CHATML).rows([row]).inspect().valid


def test_a_difference_beyond_max_length_is_none(volume) -> None:
    row = {"prompt": "q", "chosen": "red " * 40 + "A", "rejected": "red " * 40 + "B"}
    with_template(volume, CHATML).rows([GOOD, row])
    report = volume.inspect(training={"maxLength": 100})
    assert codes(report) == {"IdenticalPair": 1}
    assert report.errors[0].examples == [1]
    assert "the same up to maxLength 100" in report.errors[0].message
    assert "raise training.maxLength" in report.errors[0].message
    assert volume.inspect(training={"maxLength": 1000}).valid


def test_a_difference_at_the_end_is_one_where_the_end_is_kept(volume) -> None:
    row = {"prompt": "q", "chosen": "red " * 40 + "A", "rejected": "red " * 40 + "B"}
    training = {"maxLength": 100, "arguments": {"truncation_mode": "keep_end"}}
    assert with_template(volume, CHATML).rows([row]).inspect(training=training).valid


def test_an_answer_that_begins_like_the_longer_one_differs_at_its_end(volume) -> None:
    row = {"prompt": "q", "chosen": "red", "rejected": "red red red"}
    report = with_template(volume, CHATML).rows([row]).inspect(training={"maxLength": 70})
    assert report.valid


def test_training_leaves_them_out_too(volume) -> None:
    with_template(volume, TRIMS).rows([GOOD, {**GOOD, "rejected": " red"}, GOOD])
    dataset = {"invalidRows": "Drop", "maxDroppedShare": 0.5, "eval": {"fraction": 0}}
    report = volume.inspect(dataset)
    assert report.valid and report.dropped == {"IdenticalPair": 1}
    assert len(list(accepted_rows(spec_of(dataset), report, volume.volumes))) == 2
