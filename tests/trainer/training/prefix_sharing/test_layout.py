"""The shared layout holds each token of TRL's rows once, and gives them back."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.training.prefix_batches import batch_of, pairs

from dpojob_trainer.training.prefix_sharing.layout import (
    CHOSEN,
    PADDING,
    PREFIX,
    REJECTED,
    SharedLayout,
    share_prefixes,
)

LENGTHS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=4
)


def layout_of(batch: dict[str, torch.Tensor]) -> SharedLayout:
    return share_prefixes(batch["input_ids"], batch["attention_mask"])


def test_a_row_holds_prompt_chosen_and_rejected() -> None:
    example = {"prompt_ids": [5, 6], "chosen_ids": [7, 8, 9], "rejected_ids": [10]}
    layout = layout_of(batch_of([example]))
    assert layout.ids.tolist() == [[5, 6, 7, 8, 9, 10]]
    assert layout.positions.tolist() == [[0, 1, 2, 3, 4, 2]]
    assert layout.branches.tolist() == [[PREFIX, PREFIX, CHOSEN, CHOSEN, CHOSEN, REJECTED]]
    assert layout.sources.tolist()[0] == [0, 1, 2, 3, 4]
    assert layout.sources.tolist()[1][:3] == [0, 1, 5]


def test_answers_that_begin_alike_share_their_beginning() -> None:
    example = {"prompt_ids": [5], "chosen_ids": [7, 8, 9], "rejected_ids": [7, 8, 10]}
    assert layout_of(batch_of([example])).ids.tolist() == [[5, 7, 8, 9, 10]]


def test_an_answer_may_be_the_beginning_of_the_other() -> None:
    example = {"prompt_ids": [5], "chosen_ids": [7], "rejected_ids": [7, 8]}
    layout = layout_of(batch_of([example]))
    assert layout.ids.tolist() == [[5, 7, 8]]
    assert layout.branches.tolist() == [[PREFIX, PREFIX, REJECTED]]


def test_rows_that_lose_their_beginning_share_nothing() -> None:
    example = {"prompt_ids": [5, 6, 7], "chosen_ids": [8], "rejected_ids": [9, 10]}
    batch = batch_of([example], max_length=3, truncation_mode="keep_end")
    assert layout_of(batch).ids.tolist() == [[6, 7, 8, 7, 9, 10]]


@given(LENGTHS, st.integers(2, 24), st.sampled_from(["keep_start", "keep_end"]), st.integers(1, 8))
def test_the_rows_of_trl_come_back(
    lengths: list[tuple[int, int, int]], max_length: int, truncation: str, multiple: int
) -> None:
    batch = batch_of(
        pairs(lengths),
        max_length=max_length,
        truncation_mode=truncation,
        pad_to_multiple_of=multiple,
    )
    layout, real = layout_of(batch), batch["attention_mask"].bool()
    ids = layout.ids.flatten()[layout.sources]
    positions = layout.positions.flatten()[layout.sources]
    assert torch.equal(ids[real], batch["input_ids"][real])
    assert torch.equal(positions[real], torch.arange(real.shape[1]).expand_as(real)[real])
    branches = layout.branches.flatten()[layout.sources]
    half = len(real) // 2
    assert not (branches[:half][real[:half]] == REJECTED).any()
    assert not (branches[half:][real[half:]] == CHOSEN).any()
    assert not (branches[real] == PADDING).any()


@given(LENGTHS)
def test_no_token_is_laid_out_twice(lengths: list[tuple[int, int, int]]) -> None:
    batch = batch_of(pairs(lengths))
    layout, real = layout_of(batch), batch["attention_mask"].bool()
    used = layout.sources[real].unique()
    assert len(used) == int((layout.branches != PADDING).sum())


def test_a_layout_passes_through_a_models_inputs() -> None:
    layout = layout_of(batch_of(pairs([(3, 2, 4)])))
    inputs = {"input_ids": torch.zeros(1), **layout.model_inputs()}
    found = SharedLayout.from_model_inputs(inputs)
    assert found is not None and torch.equal(found.sources, layout.sources)
    assert list(inputs) == ["input_ids"]
    assert SharedLayout.from_model_inputs(inputs) is None
