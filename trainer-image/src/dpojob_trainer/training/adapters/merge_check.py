"""The check that a merge is exact: outputs before and after it on the same inputs, in fp32."""

from __future__ import annotations

import torch
from transformers.pytorch_utils import Conv1D

TOLERANCE = 1e-4
"""Largest difference between the outputs of a merged layer and of the same layer with its adapter."""
SAMPLES = 16
"""Input vectors, or tokens, of that comparison."""


class InexactMergeError(Exception):
    """A merged layer's outputs are not those of the layer with its adapter."""

    def __init__(self, difference: float) -> None:
        super().__init__(f"merged outputs are {difference:.2g} apart")
        self.difference = difference


def check_outputs(merged: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare outputs; the difference is relative to the largest expected one where that is above 1.

    Raises:
        InexactMergeError: The difference is above TOLERANCE.
    """
    difference = float((merged - expected).abs().max() / expected.abs().max().clamp(min=1))
    if not difference <= TOLERANCE:  # Also when it is NaN.
        raise InexactMergeError(difference)


def sample_tokens(count: int) -> torch.Tensor:
    """Tokens from all parts of a vocabulary of `count`, shape (1, SAMPLES)."""
    return torch.linspace(0, count - 1, SAMPLES).long()[None]


def sample_inputs(layer: torch.nn.Module) -> torch.Tensor:
    """Inputs of a linear layer, shape (1, SAMPLES, inputs), or tokens of an embedding."""
    if isinstance(layer, torch.nn.Embedding):
        return sample_tokens(layer.num_embeddings)
    rows, columns = layer.get_parameter("weight").shape
    size = rows if isinstance(layer, Conv1D) else columns
    return torch.randn(1, SAMPLES, size, generator=torch.Generator().manual_seed(0))
