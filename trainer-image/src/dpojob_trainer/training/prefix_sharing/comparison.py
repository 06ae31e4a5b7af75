"""Compares both layouts on a batch, since a model may read a shared row in another sense than TRL's two.

That is so where a layer carries state from one token to the next (convolutions, Mamba, linear attention) and
where positions are not read from `position_ids` (ALiBi, GPT-Neo).
"""

from __future__ import annotations

from typing import Any

import torch

from .layout import share_prefixes

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}
"""Largest mean difference of a token's log-probability, in nats, by the type that is computed in. It is some
times what the same rows differ by when they are padded further, and a wrong layout differs by more."""


def layout_difference(model: Any, inputs: dict[str, torch.Tensor]) -> float:
    """Measure how far the log-probabilities of the shared layout are from those of TRL's rows.

    Args:
        model: The model as TRL calls it, with a SharedBackbone attached to it.
        inputs: A batch of TRL's collator, on the model's device.

    Returns:
        The mean over the answers' tokens of the absolute difference, nats.
    """
    rows = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    answers = inputs["completion_mask"]
    labels = inputs["input_ids"].masked_fill(answers == 0, -100)
    shared_inputs = share_prefixes(rows["input_ids"], rows["attention_mask"]).model_inputs()
    training = model.training
    # Dropout would draw other numbers for another layout.
    model.eval()
    try:
        with torch.no_grad():
            plain, shared = (
                model(
                    **rows, **layout, labels=labels, use_cache=False, fused_lm_head=True
                ).log_probs
                for layout in ({}, shared_inputs)
            )
    finally:
        model.train(training)
    count = answers[:, 1:].sum().clamp(min=1)
    return float((plain.float() - shared.float()).abs().sum() / count)
