"""Keys change with whatever changes the values, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.kit.training.prefix_batches import batch_of, pairs, tiny_model

from dpojob_trainer.training.cache import pair_keys, reference_key, reference_keys

SETTINGS = {"mixed precision": "no", "ld_alpha": None}


def adapted(rank: int = 4, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    config = LoraConfig(
        r=rank, task_type="CAUSAL_LM", **{"target_modules": "all-linear", **options}
    )
    model = tiny_model("llama")
    torch.manual_seed(seed)
    return get_peft_model(model, config)


@pytest.mark.train
def test_a_new_adapter_changes_nothing() -> None:
    plain = reference_key(tiny_model("llama"), SETTINGS)
    assert reference_key(adapted(), SETTINGS) == plain
    assert reference_key(adapted(rank=8, seed=1), SETTINGS) == plain
    assert reference_key(adapted(target_modules=["q_proj"]), SETTINGS) == plain


@pytest.mark.train
def test_an_adapter_that_is_part_of_the_reference_counts() -> None:
    model = adapted()
    without = reference_key(model, SETTINGS)
    model.add_adapter("ref", model.peft_config["default"])
    assert reference_key(model, SETTINGS) != without


@pytest.mark.train
def test_the_directory_of_a_model_does_not_count() -> None:
    model = tiny_model("llama")
    before = reference_key(model, SETTINGS)
    model.config._name_or_path = "elsewhere"
    assert reference_key(model, SETTINGS) == before


def change_weight(model: Any) -> None:
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 5] += 1e-6


CHANGES: dict[str, Callable[[Any], Any]] = {
    "one weight": change_weight,
    "type": lambda model: model.bfloat16(),
    "configuration": lambda model: setattr(model.config, "rms_norm_eps", 1e-5),
}


@pytest.mark.train
@pytest.mark.parametrize("change", CHANGES)
def test_the_model_counts(change: str) -> None:
    model = tiny_model("llama")
    before = reference_key(model, SETTINGS)
    CHANGES[change](model)
    assert reference_key(model, SETTINGS) != before


@pytest.mark.train
def test_settings_and_versions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    before = reference_key(model, SETTINGS)
    assert reference_key(model, {**SETTINGS, "ld_alpha": 0.5}) != before
    assert reference_key(model, {**SETTINGS, "mixed precision": "bf16"}) != before
    monkeypatch.setattr(reference_keys, "version", lambda name: "0.0")
    assert reference_key(model, SETTINGS) != before


EXAMPLES = pairs([(5, 3, 4), (2, 9, 1), (7, 2, 2)])


def test_the_batch_and_its_padding_do_not_count() -> None:
    together = pair_keys(batch_of(EXAMPLES, pad_to_multiple_of=16))
    alone = [pair_keys(batch_of([example]))[0] for example in EXAMPLES]
    assert together == alone
    assert len(set(together)) == 3


@pytest.mark.parametrize("column", ["prompt_ids", "chosen_ids", "rejected_ids"])
def test_every_token_counts(column: str) -> None:
    changed = {**EXAMPLES[0], column: [*EXAMPLES[0][column][:-1], 0]}
    assert pair_keys(batch_of([changed])) != pair_keys(batch_of([EXAMPLES[0]]))


def test_the_order_of_the_answers_and_the_end_of_the_prompt_count() -> None:
    base = {"prompt_ids": [5, 6], "chosen_ids": [7, 8], "rejected_ids": [9]}
    swapped = {"prompt_ids": [5, 6], "chosen_ids": [9], "rejected_ids": [7, 8]}
    moved = {"prompt_ids": [5], "chosen_ids": [6, 7, 8], "rejected_ids": [6, 9]}
    keys = {pair_keys(batch_of([each]))[0] for each in (base, swapped, moved)}
    assert len(keys) == 3


def test_where_rows_are_cut_counts() -> None:
    cut = pair_keys(batch_of(EXAMPLES, max_length=7))
    assert cut[0] != pair_keys(batch_of(EXAMPLES))[0]
    ends = pair_keys(batch_of(EXAMPLES, max_length=7, truncation_mode="keep_end"))
    assert cut[1] != ends[1]
