"""Memory of the activations that a forward keeps for its backward."""

from __future__ import annotations

from .model_shape import ModelShape
from .training_option import DeviceSettings


def residual_element_bytes(settings: DeviceSettings) -> float:
    """Give the size of one element of the residual stream.

    Args:
        settings: The method decides the precision of the weights.

    Returns:
        Bytes: 4 (fp32) with fp32 weights, else 2 (16-bit).
    """
    return 4.0 if settings.method == "full" else 2.0


def saved_activation_bytes(shape: ModelShape, settings: DeviceSettings) -> tuple[float, float]:
    """Add up the activations kept for the backward.

    Per token and layer: inputs of norms and matrices, queries, keys and values, the attention's output,
    the MLP's intermediate elements; the padding mask per row. The coefficients were checked against
    simulated steps (bench/memory).

    Args:
        shape: The model.
        settings: Method, batch, length and checkpointing.

    Returns:
        Bytes kept of the whole model (with checkpointing only each layer's input), and bytes of one
        whole layer, which checkpointing recomputes.
    """
    full = settings.method == "full"
    stream = residual_element_bytes(settings)
    # Norms keep their input and its normalised form; each matrix keeps its 16-bit input.
    kept = (2.0 * shape.norms * stream + 10.0) * shape.hidden
    if shape.head_norms:
        kept += (6.0 if full else 4.0) * (shape.queries + shape.keys)
    # q, k and v with keys repeated for every head, the attention's output and its contiguous copy.
    kept += 10.0 * shape.queries + 8.0 * shape.intermediate
    if shape.experts:
        # Each expert works on a copy of its tokens, in the precision of the weights. Inputs of frozen
        # experts are not kept; the router and the sum over experts keep three hidden states.
        inputs = shape.hidden + shape.expert_intermediate
        outputs = shape.hidden + 3.0 * shape.expert_intermediate
        each = outputs + (inputs if full or shape.experts_adapted else 0.0)
        kept += stream * (shape.experts_per_token * each + 3.0 * shape.hidden)
    if not full:
        # The output of each adapter's A, for the adapters of a layer: usually seven.
        kept += 14.0 * settings.rank
    # The padding mask, 16-bit, length x length for each row.
    layer = settings.tokens * kept + 4.0 * settings.pairs * settings.length**2
    layer += attention_score_bytes(shape, settings)
    if settings.checkpointing:
        return shape.layers * stream * settings.tokens * shape.hidden, layer
    return shape.layers * layer, layer


def attention_score_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Count the attention scores, where attention materialises them (no sdpa).

    Args:
        shape: The model.
        settings: Batch and length.

    Returns:
        Bytes of one layer: 8 per head and pair of tokens (capped scores, fp32 softmax, 16-bit again);
        0 with sdpa.
    """
    if not shape.eager_attention:
        return 0.0
    return 8.0 * shape.heads * settings.tokens * settings.length
