"""Attention without materialised scores: repeated keys on older GPUs, no padding mask on newer ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from dpojob_trainer.training.loop import attention

SHAPE = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
}  # fmt: skip


def tiny(model_type: str, **more: Any) -> Any:
    config = AutoConfig.for_model(model_type, **{**SHAPE, **more})
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each call of torch's attention was given."""
    calls: list[dict[str, Any]] = []
    original = torch.nn.functional.scaled_dot_product_attention

    def call(query: Any, key: Any, value: Any, **options: Any) -> Any:
        calls.append({**options, "heads": query.shape[1], "key_heads": key.shape[1]})
        return original(query, key, value, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", call)
    return calls


@pytest.mark.parametrize(("capability", "key_heads"), [((7, 5), 4), ((8, 0), 2), ((9, 0), 2)])
def test_keys_are_repeated_on_gpus_without_flash_attention(
    kernel_calls: list[dict[str, Any]], capability: tuple[int, int], key_heads: int
) -> None:
    tokens = torch.arange(12)[None]
    with torch.no_grad(), attention.keys_repeated_before_flash(capability):
        tiny("qwen2")(input_ids=tokens, attention_mask=torch.ones_like(tokens))
    assert {call["key_heads"] for call in kernel_calls} == {key_heads}
    assert {call.get("enable_gqa", False) for call in kernel_calls} == {key_heads == 2}


def padded_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of different lengths, padded on the right with a token that also occurs in them."""
    torch.manual_seed(1)
    tokens = torch.randint(0, 64, (3, 24))
    mask = torch.ones_like(tokens)
    for row, length in enumerate((24, 15, 7)):
        mask[row, length:] = 0
    return tokens.masked_fill(mask == 0, 0), mask


def loss_and_gradients(model: Any, mask: torch.Tensor | None) -> tuple[torch.Tensor, list[Any]]:
    tokens, real = padded_batch()
    logits = model(input_ids=tokens, attention_mask=mask).logits
    chosen = logits[:, :-1].log_softmax(-1).gather(2, tokens[:, 1:, None])[..., 0]
    loss = -(chosen * real[:, 1:]).sum() / real[:, 1:].sum()
    return loss, list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize("model_type", attention.WITHOUT_MASK)
def test_the_mask_of_right_padding_changes_no_loss_and_no_gradient(model_type: str) -> None:
    """Mistral's window is shorter than the rows, so that its mask is needed and stays."""
    model = tiny(model_type, **({"sliding_window": 5} if model_type == "mistral" else {}))
    _, mask = padded_batch()
    loss, gradients = loss_and_gradients(model, mask)
    without, gradients_without = loss_and_gradients(model, None)
    torch.testing.assert_close(without, loss)
    torch.testing.assert_close(gradients_without, gradients)


@pytest.mark.parametrize(
    ("model_type", "capability", "left_out"),
    [
        ("qwen2", (8, 0), True), ("llama", (9, 0), True), ("qwen2", (7, 5), False),
        ("qwen2", None, False), ("gemma", (9, 0), False),
    ],
)  # fmt: skip
def test_masks_are_left_out_where_flash_attention_is_and_the_family_is_proven(
    kernel_calls: list[dict[str, Any]],
    model_type: str,
    capability: tuple[int, int] | None,
    left_out: bool,
) -> None:
    model = tiny(model_type)
    forward = model.forward
    model.forward = lambda fused_lm_head=False, **options: forward(**options)
    tokens, mask = padded_batch()
    assert (attention.leave_out_padding_mask(model, capability) is not None) is left_out
    with torch.no_grad():
        model(input_ids=tokens, attention_mask=mask, fused_lm_head=True)
    assert all((call["attn_mask"] is None) is left_out for call in kernel_calls)
    kernel_calls.clear()
    with torch.no_grad():
        model(input_ids=tokens, attention_mask=mask)  # As generation calls it.
    assert all(call["attn_mask"] is not None for call in kernel_calls)
