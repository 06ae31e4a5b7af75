"""Measure the memory of a whole DPO step without a GPU and without weights.

    python -m bench.memory.simulate                 # every case not yet in measured.json
    python -m bench.memory.simulate --only 0.5b     # those whose key contains the text
    python -m bench.memory.simulate --again         # also those already measured

torch's FakeTensorMode runs the step with tensors that have shapes but no storage, MemTracker adds up
what is alive. The step is that of TRL 1.16's DPOTrainer: chosen and rejected in one forward, TRL's own
fused LM head, the reference forward under no_grad while the policy's graph is alive, autocast as
accelerate wraps it, peft's own adapters, fused AdamW with its state in place. Two micro-steps are run:
the first without gradients from before, the second with them (gradient accumulation).

Where a CPU would differ from a GPU, the GPU is followed: TRL's Triton kernel folds a tile of logits
without temporaries, its fp32-accumulating GEMM needs no copies; both are replaced by operations that
allocate nothing. Every position is scored, as if the prompt were empty. With shared prefixes the backbone
reads the rows and the mask of `dpojob_trainer.training.prefix_sharing`. What is not in these figures:
the CUDA context, cuBLAS workspaces and the allocator's fragmentation.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.memory.shapes import CASES, COMMON, SHAPES, Case

MEASURED = Path(__file__).with_name("measured.json")
GIB = 2**30


def follow_the_gpu() -> None:
    """Replace TRL's CPU fallbacks, which allocate, by operations that allocate as its GPU kernels do."""
    from trl.kernels import chunked_logprob

    def forward_tile(tile: Any, *_: Any, **__: Any) -> None:
        tile.mul_(1)

    def addmm(acc: Any, a: Any, b: Any) -> None:
        acc.mul_(1)

    chunked_logprob._forward_tile = forward_tile
    chunked_logprob._backward_tile = forward_tile
    chunked_logprob._addmm_fp32 = addmm


def build(case: Case, dtype: Any) -> Any:
    import transformers
    from trl.trainer.utils import add_fused_lm_head

    from dpojob_trainer.training.dpo_trainer.trl_patches import attention_implementation
    from dpojob_trainer.training.prefix_sharing import SharedBackbone

    config_class, fields = SHAPES[case.shape]
    config = getattr(transformers, config_class)(**COMMON, **fields)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    if case.prompt:
        SharedBackbone().attach(model, attention_implementation(model))
    add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
    return model


def accelerated(model: Any) -> Any:
    """The model's forward as accelerate wraps it for bf16: autocast inside, outputs in fp32."""
    import torch
    from accelerate.utils.operations import convert_outputs_to_fp32

    forward = model.forward
    model.forward = convert_outputs_to_fp32(torch.autocast("cpu", dtype=torch.bfloat16)(forward))
    return model


def adapters(model: Any, rank: int) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    # peft makes adapters in fp32, moves them to the base's device and dtype, and casts them back. Fake
    # tensors cannot be moved in place, and the end is the same without.
    BaseTunerLayer._move_adapter_to_device_of_base_layer = lambda *_, **__: None
    torch.nn.Module.to = lambda self, *_, **__: self  # type: ignore[method-assign]
    return get_peft_model(
        model,
        LoraConfig(r=rank, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
    )


def facts_of(model: Any, case: Case) -> dict[str, Any]:
    """What inspection would report of this model, from its parameters' shapes."""
    config = model.config
    embedding = sum(
        p.numel() for n, p in model.named_parameters() if "embed_tokens" in n or "lm_head" in n
    )
    inside = [
        p
        for n, p in model.named_parameters()
        if p.dim() >= 2 and not ("embed_tokens" in n or "lm_head" in n)
    ]
    per_rank = sum(
        (p.shape[0] if p.dim() == 3 else 1) * (p.shape[-1] + p.shape[-2]) for p in inside
    )
    parameters = sum(p.numel() for p in model.parameters())
    experts = getattr(config, "num_local_experts", 0) or getattr(config, "num_experts", 0) or 0
    expert_parameters = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    chosen = getattr(config, "num_experts_per_tok", 0) if experts else 0
    active = (
        parameters - expert_parameters + (expert_parameters * chosen // experts if experts else 0)
    )
    return {
        "parameters": parameters,
        "modelType": config.model_type,
        "hiddenSize": config.hidden_size,
        "intermediateSize": config.intermediate_size,
        "layers": config.num_hidden_layers,
        "attentionHeads": config.num_attention_heads,
        "keyValueHeads": config.num_key_value_heads,
        "headDim": getattr(config, "head_dim", None)
        or config.hidden_size // config.num_attention_heads,
        "vocabulary": config.vocab_size,
        "embeddingParameters": embedding,
        "tiedEmbeddings": config.tie_word_embeddings,
        "experts": experts,
        "expertsPerToken": chosen,
        "activeParameters": active,
        "linearParameters": sum(p.numel() for p in inside),
        "adapterParametersPerRank": per_rank,
    }


def batch_of(case: Case) -> dict[str, Any]:
    """The inputs of a forward over pairs of full length."""
    import torch

    from dpojob_trainer.training.prefix_sharing.layout import CHOSEN, PREFIX, REJECTED, SharedLayout

    rows = 2 * case.pairs
    tokens = torch.zeros(rows, case.length, dtype=torch.long)
    batch = {
        "input_ids": tokens,
        "labels": tokens.clone(),
        # As transformers makes it of a padded batch; it is the same for every layer.
        "attention_mask": torch.ones(rows, 1, case.length, case.length, dtype=torch.bool),
        "position_ids": torch.arange(case.length).unsqueeze(0),
    }
    if not case.prompt:
        return batch
    answer = case.length - case.prompt
    branches = torch.cat([
        torch.full((case.pairs, count), branch)
        for branch, count in ((PREFIX, case.prompt), (CHOSEN, answer), (REJECTED, answer))
    ], dim=1)  # fmt: skip
    layout = SharedLayout(
        ids=torch.zeros_like(branches), positions=torch.zeros_like(branches), branches=branches,
        sources=torch.zeros_like(tokens),
    )  # fmt: skip
    # The mask of a shared layout is made in the backbone.
    batch["attention_mask"] = torch.ones_like(tokens)
    return {**batch, **layout.model_inputs()}


@contextlib.contextmanager
def reference_of(policy: Any, reference: Any) -> Iterator[Any]:
    """The reference as TRL uses it: a copy of the model, or the policy with its adapters off."""
    if reference is not None:
        yield reference
    else:
        with policy.disable_adapter():
            yield policy


def micro_step(case: Case, policy: Any, reference: Any, batch: dict[str, Any]) -> None:
    """One forward and backward, in the order of `DPOTrainer._compute_loss`."""
    import torch
    import torch.nn.functional as F
    from trl.models.utils import disable_gradient_checkpointing

    logps = policy(**batch, use_cache=False, fused_lm_head=True).log_probs.sum(dim=1)
    if case.precompute:
        expected = torch.zeros_like(logps)
    else:
        with (
            torch.no_grad(),
            disable_gradient_checkpointing(policy, {"use_reentrant": False}),
            reference_of(policy, reference) as model,
        ):
            expected = model(**batch, use_cache=False, fused_lm_head=True).log_probs.sum(dim=1)
    chosen, rejected = (logps - expected).chunk(2)
    (-F.logsigmoid(0.1 * (chosen - rejected)).mean()).backward()  # type: ignore[no-untyped-call]


def step_tracker() -> Any:
    """A MemTracker that sums over the whole step: no snapshots per module, which allow one call only."""
    from torch.distributed._tools.mem_tracker import MemTracker

    class StepTracker(MemTracker):  # type: ignore[no-untyped-call]
        def _ignored(self, *_: Any) -> None:
            pass

        _pre_fw_hook = _post_fw_hook = _pre_bw_hook = _post_bw_hook = _ignored  # type: ignore[assignment]

    return StepTracker()


def simulate(case: Case) -> dict[str, Any]:
    import torch
    from torch._subclasses import FakeTensorMode

    started = time.monotonic()
    lora = case.method == "lora"
    with FakeTensorMode(allow_non_fake_inputs=True):
        policy = build(case, torch.bfloat16 if lora else torch.float32)
        facts = facts_of(policy, case)
        reference = None
        if lora:
            policy.requires_grad_(False)
            policy = adapters(policy, case.rank)
        elif not case.precompute:
            reference = accelerated(build(case, torch.float32).eval())
        if case.checkpointing:
            policy.gradient_checkpointing_enable(
                gradient_checkpointing_kwargs={"use_reentrant": False}
            )
            if lora:
                policy.enable_input_require_grads()
        policy = accelerated(policy.train())
        trained = [p for p in policy.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-6, fused=True)
        batch = batch_of(case)
        for parameter in trained:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        tracker = step_tracker()
        models = [model for model in (policy, reference) if model is not None]
        tracker.track_external(*models, optimizer, *batch.values())
        peaks, parts = [], []
        with tracker:
            for _ in range(2):
                micro_step(case, policy, reference, batch)
                snapshot = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]
                named = {str(getattr(k, "value", k)): v for k, v in snapshot.items()}
                peaks.append(named.pop("Total") / GIB)
                parts.append({k: round(v / GIB, 4) for k, v in named.items() if v})
            optimizer.step()
        after_step = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"] / GIB
    return {
        **case.fields(),
        "adapterParameters": sum(p.numel() for p in trained) if lora else 0,
        "facts": facts,
        "peakGiB": {
            "single": round(peaks[0], 4),
            "accumulated": round(max(peaks[1], after_step), 4),
        },
        "parts": {"single": parts[0], "accumulated": parts[1]},
        "seconds": round(time.monotonic() - started, 1),
    }


def versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "trl", "peft", "accelerate")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="simulate the cases whose key contains this")
    parser.add_argument("--again", action="store_true", help="also those already measured")
    arguments = parser.parse_args()
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {"cases": {}}
    follow_the_gpu()
    for case in CASES:
        if arguments.only not in case.key or (case.key in known["cases"] and not arguments.again):
            continue
        result = simulate(case)
        known["command"] = "python -m bench.memory.simulate"
        known["how"] = "FakeTensorMode + MemTracker on device cpu; no GPU was at hand"
        known["versions"] = versions()
        known["cases"][case.key] = result
        known["cases"] = dict(sorted(known["cases"].items()))
        MEASURED.write_text(json.dumps(known, indent=1) + "\n")
        print(f"{case.key}: {result['peakGiB']} GiB, {result['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
