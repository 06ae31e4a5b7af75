"""`training.arguments` is held to the installed DPOConfig, with the way out in the message."""

from __future__ import annotations

import json

import pytest

from dpojob_trainer.inspection import CouldNotLook
from dpojob_trainer.inspection.arguments import check_arguments
from dpojob_trainer.inspection.arguments.generate import TABLE, table
from dpojob_trainer.inspection.arguments.owned import OWNED, REMOVED
from dpojob_trainer.inspection.tokens import generate as tokens

WRONG = [
    ({"warmup_stps": 1}, "warmup_stps is no field of DPOConfig; did you mean warmup_steps?"),
    ({"warmup_ratio": 0.1}, "warmup_steps: 0.1"),
    ({"rpo_alpha": 1.0}, "loss_type: [sigmoid, sft]"),
    ({"max_prompt_length": 512}, "training.maxLength"),
    ({"learning_rate": 1e-5}, "write training.learningRate"),
    ({"save_only_model": True}, "cannot be gone on from"),
    ({"ignore_data_skip": True}, "the pairs it had not seen yet"),
    ({"hub_revision": "tuned"}, "the repository's main branch"),
    ({"learning_rat": 1e-5}, "if you mean learning_rate: write training.learningRate"),
    ({"max_steps": "3"}, 'max_steps must be whole number, not "3"'),
    ({"max_steps": 1.5}, "max_steps must be whole number, not 1.5"),
    ({"max_steps": True}, "max_steps must be whole number, not true"),
    ({"weight_decay": "a"}, "weight_decay must be number"),
    ({"loss_type": [1]}, "loss_type must be list of text or text"),
    ({"loss_type": ["sigmoyd"]}, "did you mean sigmoid?"),
    ({"optim": "adamw_troch"}, "did you mean adamw_torch?"),
    ({"optim": None}, "optim must be text, not null"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_wrong_argument(arguments, words) -> None:
    with pytest.raises(CouldNotLook) as caught:
        check_arguments(arguments)
    assert caught.value.reason == "InvalidArguments"
    assert words in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"weight_decay": 1}, {"warmup_steps": 0.1}, {"loss_type": "sigmoid"}, {"loss_type": ["ipo"]},
        {"report_to": ["trackio"]}, {"report_to": "none"}, {"max_steps": 5}, {"optim": "adamw_torch"},
        {"lr_scheduler_kwargs": {"a": 1}}, {"data_seed": None}, {"model_init_kwargs": {"use_kernels": True}},
    ],
)  # fmt: skip
def test_a_right_argument(arguments) -> None:
    check_arguments(arguments)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(CouldNotLook) as caught:
        check_arguments({"a_b_c": 1, "beta": 1})
    assert "a_b_c" in caught.value.message and "training.beta" in caught.value.message


def test_the_tables_are_those_of_the_installed_libraries() -> None:
    fields = table()
    assert json.loads(TABLE.read_text()) == fields
    assert set(fields["fields"]) >= set(OWNED)
    gone = set(REMOVED) - {"use_liger_kernel"}
    assert not gone & set(fields["fields"])
    assert json.loads(tokens.TABLE.read_text()) == tokens.table()


def test_inspection_checks_them_first(bench) -> None:
    with pytest.raises(CouldNotLook, match="no field of DPOConfig"):
        bench.inspect(training={"arguments": {"nonsense_option": 1}})
