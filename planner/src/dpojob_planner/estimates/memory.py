"""Peak memory of one GPU during a DPO step of TRL 1.16, term by term, from the model's shape.

Assumptions about the trainer (it follows the plan, so these hold):

- full: fp32 weights under 16-bit autocast, fp32 gradients, AdamW's two moments in fp32 or, with its 8-bit
  variant, in 8 bits, and an fp32 copy of the model as reference unless its log-probabilities are
  precomputed.
- lora: 16-bit frozen weights, fp32 adapters with gradients and moments; the reference is the model with
  its adapters off, so there is no copy. qlora: the matrices of the layers in 4 bits with double
  quantisation, embeddings and norms in 16.
- TRL's fused LM head: log-probabilities are computed tile by tile, so the full logits never exist.
  (With them, 10 bytes x 2 x batch x length x vocabulary would be added, the largest term in older TRL
  versions.)
- sdpa attention with a padding mask, non-reentrant checkpointing of whole layers when it is on.

The terms are listed in docs/plan.md, "Memory"; bench/memory compares `tensors_gib` with simulated peaks:
`python bench/memory/compare.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.plan import Method

from .activations import attention_score_bytes, residual_element_bytes, saved_activation_bytes
from .calibration import CONSTANTS
from .model_shape import ModelShape
from .training_option import DeviceSettings

GIB = 2**30
CUDA_CONTEXT_GIB = CONSTANTS["CUDA_CONTEXT_GIB"].value
"""The CUDA context, loaded kernels and cuBLAS workspaces."""
FRAGMENTATION_SHARE = CONSTANTS["FRAGMENTATION_SHARE"].value
"""The share of what is allocated and freed during a step (not of weights and optimizer): memory the caching
allocator holds in pieces too small to be used."""
TILE_TOKENS, TILE_VOCABULARY = 4096, 32768
"""The tile of logits that TRL's fused LM head works on."""
MOMENT_BYTES = 8.0
"""AdamW's two fp32 moments, per trained parameter."""
MOMENT_BYTES_8BIT = 2.0 + 2 * 4 / 256
"""The same in 8 bits, with one fp32 scale for each block of 256 (Dettmers et al., arXiv:2110.02861)."""
QUANTISED_BYTES = 0.53
"""The bytes per 4-bit parameter: nf4 with double quantisation."""


MEMORY_MARGIN = 0.08
"""Share of a GPU's usable memory that no plan fills. It covers what the model does not predict (attention
workspaces, uneven fragmentation, a longer padded batch): the largest error of the table in bench/memory
is 2% below the measured peak, and no card has confirmed the other terms."""


@dataclass(frozen=True)
class MemoryEstimate:
    """A predicted peak of one GPU's memory."""

    parts: dict[str, float]
    """GiB by term, at the moment of the peak."""

    @property
    def total_gib(self) -> float:
        """Memory that the GPU must offer, GiB."""
        return sum(self.parts.values())

    @property
    def tensors_gib(self) -> float:
        """GiB without the CUDA context and fragmentation: the memory of tensors alone."""
        return self.total_gib - self.parts["cudaContext"] - self.parts["fragmentation"]


def estimate_memory(shape: ModelShape, settings: DeviceSettings) -> MemoryEstimate:
    """Predict the peak of one optimizer step on one GPU.

    The peak is the memory held through the whole step, plus the largest of the moments that can be the
    peak, plus fragmentation (FRAGMENTATION_SHARE of the latter) and the CUDA context.

    Args:
        shape: The model.
        settings: Method, batch and length on the GPU.

    Returns:
        GiB by term.
    """
    persistent = _persistent_bytes(shape, settings)
    worst = max(_moments(shape, settings), key=lambda moment: sum(moment.values()))
    parts = {name: value / GIB for name, value in {**persistent, **worst}.items() if value}
    transient = sum(value for name, value in worst.items() if name != "newGradients")
    parts["fragmentation"] = FRAGMENTATION_SHARE * transient / GIB
    parts["cudaContext"] = CUDA_CONTEXT_GIB
    return MemoryEstimate(parts)


def adapter_parameters(shape: ModelShape, settings: DeviceSettings) -> int:
    """Count the parameters of the LoRA adapters.

    Args:
        shape: The model.
        settings: Method and rank.

    Returns:
        Rank times the adapter parameters at rank 1; 0 for full fine-tuning.
    """
    return 0 if settings.method == "full" else settings.rank * shape.adapter_per_rank


def trained_parameters(shape: ModelShape, settings: DeviceSettings) -> int:
    """Count the parameters that have a gradient.

    Args:
        shape: The model.
        settings: Method and rank.

    Returns:
        All parameters for full fine-tuning, else those of the adapters.
    """
    return shape.parameters if settings.method == "full" else adapter_parameters(shape, settings)


def optimizer_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Compute the size of the optimizer's moments.

    Args:
        shape: The model.
        settings: Method, rank and optimizer.

    Returns:
        Bytes. With 8-bit AdamW the input embedding keeps fp32 moments, as transformers has it.
    """
    trained = trained_parameters(shape, settings)
    if settings.optimizer == "adamw":
        return MOMENT_BYTES * trained
    embedding = min(trained, shape.head) if settings.method == "full" else 0
    return MOMENT_BYTES * embedding + MOMENT_BYTES_8BIT * (trained - embedding)


def frozen_weight_bytes(shape: ModelShape, method: Method) -> float:
    """Compute the size of a base model under an adapter.

    Args:
        shape: The model.
        method: lora, with weights in 16 bits, or qlora.

    Returns:
        Bytes.
    """
    if method == "lora":
        return 2.0 * shape.parameters
    # bitsandbytes quantises linear modules only, and stacked experts are not linear modules.
    quantised = shape.linear - shape.expert_parameters
    return QUANTISED_BYTES * quantised + 2.0 * (shape.parameters - quantised)


def _persistent_bytes(shape: ModelShape, settings: DeviceSettings) -> dict[str, float]:
    """Bytes held through the whole step."""
    adapters = adapter_parameters(shape, settings)
    if settings.method == "full":
        weights = 4.0 * shape.parameters
    else:
        weights = frozen_weight_bytes(shape, settings.method)
    trained = trained_parameters(shape, settings)
    copy = 4.0 * shape.parameters if settings.method == "full" and not settings.precompute else 0.0
    parts = {
        "weights": weights,
        "adapters": 4.0 * adapters,
        "optimizer": optimizer_bytes(shape, settings),
        "reference": copy + (4.0 * adapters if settings.reference_adapter else 0.0),
        "gradients": 4.0 * trained if settings.accumulated else 0.0,
    }
    sharded = {name: value / settings.shards for name, value in parts.items()}
    if settings.replicas > 1:
        sharded["buckets"] = 4.0 * trained
    if settings.shards > 1:
        sharded["gathered"] = _gathered_bytes(shape, settings)
    return sharded


def _gathered_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Compute what FSDP2 holds whole on each GPU, in units of a decoder layer, for policy and reference alike.

    Two layers in 16 bits, as the next is fetched while one works; where they are trained the gradient of one in
    16 bits, and in fp32 the buffer that it is summed in (torch 2.15, `foreach_reduce`). Beside them the LM head
    in 16 bits, which the policy keeps from its forward to its backward, and that of a reference. No card has
    confirmed it.

    Args:
        shape: The model.
        settings: The method.

    Returns:
        Bytes.
    """
    layers = 4.0 * shape.layer
    if settings.method == "full":
        layers += (2.0 + 4.0) * shape.layer
    return layers + 4.0 * shape.head


def _moments(shape: ModelShape, settings: DeviceSettings) -> list[dict[str, float]]:
    """Bytes allocated and freed during a step, at each moment that can be the peak."""
    full = settings.method == "full"
    hidden = float(settings.tokens * shape.hidden)
    stored, layer = saved_activation_bytes(shape, settings)
    deltas = _expert_delta_bytes(shape, settings)
    casts = _cast_bytes(shape, settings)
    kept_casts = casts / shape.layers if settings.checkpointing else casts
    tile_tokens = min(settings.tokens, TILE_TOKENS)
    weight_chunk = 2.0 * shape.hidden * TILE_VOCABULARY if full else 0.0
    logits = 2.0 * tile_tokens * (TILE_VOCABULARY + shape.hidden) + weight_chunk
    head_gradient = 4.0 * shape.head if full else 0.0
    stream = residual_element_bytes(settings) * hidden
    scores = attention_score_bytes(shape, settings)
    mask = _shared_mask_bytes(settings)
    working = 6.0 * settings.tokens * shape.width + 4.0 * hidden + scores
    moments = [
        # The policy's forward ends: every cast weight is still in autocast's cache.
        {"activations": stored + stream + mask, "castWeights": casts, "logits": logits},
        # The backward begins at the LM head, whose gradients are summed in fp32.
        {
            "activations": stored + stream + mask + 4.0 * hidden,
            "castWeights": kept_casts,
            "logits": logits + head_gradient,
        },
        # The backward of the last layer, recomputed when checkpointing.
        {
            "activations": stored + working + mask + (layer if settings.checkpointing else 0.0),
            "castWeights": kept_casts,
            "logits": head_gradient,
            "expertAdapters": deltas / shape.layers if settings.checkpointing else 0.0,
            "matrixGradient": _matrix_gradient_bytes(shape, settings),
        },
    ]
    if settings.checkpointing and not full:
        # Beside the layer: its input and output with their gradients, which hooks on the embedding's
        # output keep from one micro-batch to the next.
        moments[-1]["activations"] += 15.0 * hidden
    if not settings.checkpointing:
        for moment in moments:
            moment["expertAdapters"] = deltas
    if not settings.precompute:
        # The reference's forward, while the policy's graph waits for its backward.
        reference = {
            "activations": stored + stream + 2 * mask + max(0.0, working - logits),
            "castWeights": (0.0 if settings.checkpointing else casts) + (casts if full else 0.0),
            "logits": logits,
            "expertAdapters": 0.0 if settings.checkpointing else deltas,
        }
        moments.append(reference)
    if full:
        moments.append(_end_of_backward(shape, settings))
    return moments


def _shared_mask_bytes(settings: DeviceSettings) -> float:
    """Bytes of the mask of a batch with shared prefixes, at most: as booleans, and in 16 bits to be added."""
    if not settings.shared_prefixes:
        return 0.0
    width = 2.0 * settings.length
    return 3.0 * settings.pairs * width**2


def _cast_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Bytes of the 16-bit casts that autocast makes of fp32 weights; it does not cast grouped experts."""
    if settings.method == "full":
        return 2.0 * (shape.linear - shape.expert_parameters) / settings.shards
    return 2.0 * adapter_parameters(shape, settings)


def _expert_delta_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Bytes of stacked experts with their adapters added, which peft materialises whole."""
    adapted = settings.method != "full" and shape.experts_adapted
    return 2.0 * shape.expert_parameters if adapted else 0.0


def _matrix_gradient_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Bytes of the gradient of the largest matrix of a layer, before it is added to the others."""
    full = settings.method == "full"
    if shape.experts and (full or shape.experts_adapted):
        largest = 2.0 * shape.experts * shape.hidden * shape.expert_intermediate
        return (4.0 if full else 2.0) * largest
    return 6.0 * shape.hidden * shape.intermediate if full else 0.0


def _end_of_backward(shape: ModelShape, settings: DeviceSettings) -> dict[str, float]:
    """Bytes when all gradients exist; that of a tied embedding is summed out of place."""
    gradients = 0.0 if settings.accumulated else 4.0 * shape.parameters / settings.shards
    if shape.tied:
        embedding = 12.0 * shape.head - (0.0 if settings.accumulated else 4.0 * shape.head)
    else:
        embedding = 4.0 * shape.head if settings.accumulated else 0.0
    return {"newGradients": gradients, "embeddingGradient": embedding}
