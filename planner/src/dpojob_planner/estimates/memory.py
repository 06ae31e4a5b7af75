"""How much memory of one GPU a DPO step of TRL 1.16 takes, term by term, from the model's real shape.

What is presumed of the trainer (it obeys the plan, so this is what it does):

- full: fp32 weights under 16-bit autocast, fp32 gradients, Adam's two fp32 moments, and an fp32 copy of
  the model as reference unless its log-probabilities are computed beforehand.
- lora: 16-bit frozen weights, fp32 adapters with gradients and moments; the reference is the model with
  its adapters off, so there is no copy. qlora: the matrices of the layers in 4 bits with double
  quantisation, embeddings and norms in 16.
- TRL's fused LM head: log-probabilities are folded tile by tile, so the full logits never exist. (With
  them, 10 bytes x 2 x batch x length x vocabulary would be added, the term older TRL versions died of.)
- sdpa attention with a padding mask, non-reentrant checkpointing of whole layers when it is on.

bench/memory compares `tensors_gib` with simulated peaks: `python bench/memory/compare.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.plan import Method

from .model_shape import Shape

GIB = 2**30
CUDA_CONTEXT_GIB = 0.6
"""The CUDA context, loaded kernels and cuBLAS workspaces."""
FRAGMENTATION_SHARE = 0.06
"""Of what comes and goes during a step (not of weights and optimizer): memory the caching allocator
holds in pieces too small to serve."""
TILE_TOKENS, TILE_VOCABULARY = 4096, 32768
"""The tile of logits that TRL's fused LM head works on."""
QUANTISED_BYTES = 0.53
"""Per 4-bit parameter: nf4 with double quantisation."""


@dataclass(frozen=True)
class Setting:
    """How a model is trained on one GPU."""

    method: Method
    pairs: int
    """Preference pairs per device and forward; each is two rows."""
    length: int
    """Tokens per row."""
    checkpointing: bool = True
    precompute: bool = False
    accumulated: bool = True
    """Gradients of an earlier micro-batch are alive during the forward."""
    rank: int = 16
    """LoRA rank."""
    reference_adapter: bool = False
    """An adapter is trained further: a frozen copy of it is the reference."""
    replicas: int = 1
    """GPUs that each hold the whole model (data parallel): gradient buckets are added."""
    shards: int = 1
    """GPUs over which weights, gradients and optimizer are divided (FSDP)."""

    @property
    def tokens(self) -> int:
        """Tokens of one forward: chosen and rejected, padded to the full length."""
        return 2 * self.pairs * self.length


@dataclass(frozen=True)
class Need:
    """A predicted peak."""

    parts: dict[str, float]
    """GiB by term, at the moment of the peak."""

    @property
    def total_gib(self) -> float:
        """What the GPU must offer."""
        return sum(self.parts.values())

    @property
    def tensors_gib(self) -> float:
        """Without the CUDA context and fragmentation: what a tracker of tensors sees."""
        return self.total_gib - self.parts["cudaContext"] - self.parts["fragmentation"]


def need(shape: Shape, setting: Setting) -> Need:
    """The peak of one optimizer step on one GPU: what always lives, and the worst of its moments."""
    lasting = _lasting(shape, setting)
    worst = max(_moments(shape, setting), key=lambda moment: sum(moment.values()))
    parts = {name: value / GIB for name, value in {**lasting, **worst}.items() if value}
    passing = sum(value for name, value in worst.items() if name != "newGradients")
    parts["fragmentation"] = FRAGMENTATION_SHARE * passing / GIB
    parts["cudaContext"] = CUDA_CONTEXT_GIB
    return Need(parts)


def adapter_parameters(shape: Shape, setting: Setting) -> int:
    """Parameters of the LoRA adapters; 0 for full fine-tuning."""
    return 0 if setting.method == "full" else setting.rank * shape.adapter_per_rank


def trained_parameters(shape: Shape, setting: Setting) -> int:
    """Parameters that have a gradient."""
    return shape.parameters if setting.method == "full" else adapter_parameters(shape, setting)


def _lasting(shape: Shape, setting: Setting) -> dict[str, float]:
    """Bytes that live through the whole step."""
    adapters = adapter_parameters(shape, setting)
    if setting.method == "full":
        weights = 4.0 * shape.parameters
    elif setting.method == "lora":
        weights = 2.0 * shape.parameters
    else:
        # bitsandbytes quantises linear modules only; stacked experts are none.
        quantised = shape.linear - shape.expert_parameters
        weights = QUANTISED_BYTES * quantised + 2.0 * (shape.parameters - quantised)
    trained = trained_parameters(shape, setting)
    copies = 4.0 * shape.parameters if setting.method == "full" and not setting.precompute else 0.0
    parts = {
        "weights": weights,
        "adapters": 4.0 * adapters,
        "optimizer": 8.0 * trained,
        "reference": copies + (4.0 * adapters if setting.reference_adapter else 0.0),
        "gradients": 4.0 * trained if setting.accumulated else 0.0,
    }
    sharded = {name: value / setting.shards for name, value in parts.items()}
    if setting.replicas > 1:
        sharded["buckets"] = 4.0 * trained
    if setting.shards > 1:
        # Two layers whole at a time, as the next is fetched while one works, and the LM head.
        sharded["gathered"] = weights / shape.parameters * 2 * shape.layer + 4.0 * shape.head
    return sharded


def _moments(shape: Shape, setting: Setting) -> list[dict[str, float]]:
    """Bytes that come and go, at each moment that can be the peak."""
    full = setting.method == "full"
    hidden = float(setting.tokens * shape.hidden)
    stored, layer = _saved(shape, setting)
    deltas = _expert_deltas(shape, setting)
    casts = _casts(shape, setting)
    kept_casts = casts / shape.layers if setting.checkpointing else casts
    tile_tokens = min(setting.tokens, TILE_TOKENS)
    weight_chunk = 2.0 * shape.hidden * TILE_VOCABULARY if full else 0.0
    logits = 2.0 * tile_tokens * (TILE_VOCABULARY + shape.hidden) + weight_chunk
    head_gradient = 4.0 * shape.head if full else 0.0
    stream = _stream_bytes(setting) * hidden
    working = 6.0 * setting.tokens * shape.width + 4.0 * hidden + _scores(shape, setting)
    moments = [
        # The policy's forward ends: every cast weight is still in autocast's cache.
        {"activations": stored + stream, "castWeights": casts, "logits": logits},
        # The backward begins at the LM head, whose gradients are summed in fp32.
        {
            "activations": stored + stream + 4.0 * hidden,
            "castWeights": kept_casts,
            "logits": logits + head_gradient,
        },
        # The backward of the last layer, recomputed when checkpointing.
        {
            "activations": stored + working + (layer if setting.checkpointing else 0.0),
            "castWeights": kept_casts,
            "logits": head_gradient,
            "expertAdapters": deltas / shape.layers if setting.checkpointing else 0.0,
            "matrixGradient": _matrix_gradient(shape, setting),
        },
    ]
    if setting.checkpointing and not full:
        # Beside the layer: its input and output with their gradients, which hooks on the embedding's
        # output keep from one micro-batch to the next.
        moments[-1]["activations"] += 15.0 * hidden
    if not setting.checkpointing:
        for moment in moments:
            moment["expertAdapters"] = deltas
    if not setting.precompute:
        # The reference's forward, while the policy's graph waits for its backward.
        reference = {
            "activations": stored + stream + max(0.0, working - logits),
            "castWeights": (0.0 if setting.checkpointing else casts) + (casts if full else 0.0),
            "logits": logits,
            "expertAdapters": 0.0 if setting.checkpointing else deltas,
        }
        moments.append(reference)
    if full:
        moments.append(_end_of_backward(shape, setting))
    return moments


def _casts(shape: Shape, setting: Setting) -> float:
    """Bytes of the 16-bit casts that autocast makes of fp32 weights; grouped experts it leaves alone."""
    if setting.method == "full":
        return 2.0 * (shape.linear - shape.expert_parameters) / setting.shards
    return 2.0 * adapter_parameters(shape, setting)


def _expert_deltas(shape: Shape, setting: Setting) -> float:
    """Bytes of stacked experts with their adapters added, which peft writes out whole."""
    adapted = setting.method != "full" and shape.experts_adapted
    return 2.0 * shape.expert_parameters if adapted else 0.0


def _matrix_gradient(shape: Shape, setting: Setting) -> float:
    """Bytes of the gradient of the largest matrix of a layer, before it is added to the others."""
    full = setting.method == "full"
    if shape.experts and (full or shape.experts_adapted):
        largest = 2.0 * shape.experts * shape.hidden * shape.expert_intermediate
        return (4.0 if full else 2.0) * largest
    return 6.0 * shape.hidden * shape.intermediate if full else 0.0


def _end_of_backward(shape: Shape, setting: Setting) -> dict[str, float]:
    """All gradients exist, and the embedding's is added up out of place when it is tied."""
    gradients = 0.0 if setting.accumulated else 4.0 * shape.parameters / setting.shards
    if shape.tied:
        embedding = 12.0 * shape.head - (0.0 if setting.accumulated else 4.0 * shape.head)
    else:
        embedding = 4.0 * shape.head if setting.accumulated else 0.0
    return {"newGradients": gradients, "embeddingGradient": embedding}


def _stream_bytes(setting: Setting) -> float:
    """Of one element of the residual stream: fp32 with fp32 weights, else 16-bit."""
    return 4.0 if setting.method == "full" else 2.0


def _saved(shape: Shape, setting: Setting) -> tuple[float, float]:
    """Bytes kept for the backward: of the whole model, and of one layer when it is recomputed."""
    full = setting.method == "full"
    stream = _stream_bytes(setting)
    # Norms keep their input and its normalised form; each matrix keeps its own 16-bit input.
    kept = (2.0 * shape.norms * stream + 10.0) * shape.hidden
    if shape.head_norms:
        kept += (6.0 if full else 4.0) * (shape.queries + shape.keys)
    # q, k and v with keys repeated for every head, the attention's output and its contiguous copy.
    kept += 10.0 * shape.queries + 8.0 * shape.intermediate
    if shape.experts:
        # Each expert works on a copy of its tokens, in the weights' own precision. Inputs of frozen
        # experts are not kept; the router and the sum over experts keep what is three hidden states.
        inputs = shape.hidden + shape.expert_intermediate
        outputs = shape.hidden + 3.0 * shape.expert_intermediate
        each = outputs + (inputs if full or shape.experts_adapted else 0.0)
        kept += stream * (shape.experts_per_token * each + 3.0 * shape.hidden)
    if not full:
        # What every adapter of a layer, seven as a rule, passes from its A to its B.
        kept += 14.0 * setting.rank
    layer = setting.tokens * kept + 4.0 * setting.pairs * setting.length**2  # the mask, 16-bit
    layer += _scores(shape, setting)
    if setting.checkpointing:
        return shape.layers * stream * setting.tokens * shape.hidden, layer
    return shape.layers * layer, layer


def _scores(shape: Shape, setting: Setting) -> float:
    """Bytes of attention scores, where attention writes them out: capped, fp32 softmax, 16-bit again."""
    if not shape.eager_attention:
        return 0.0
    return 8.0 * shape.heads * setting.tokens * setting.length
