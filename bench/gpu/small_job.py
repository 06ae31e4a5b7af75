"""A DPOJob on a model of Qwen2.5-0.5B's shape with random weights, planned for this card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .cells import Context
from .models import MODELS, device, fields_of

SHAPE = "qwen2.5-0.5b"
ROWS, BATCH, LENGTH = 320, 4, 512
REHEARSAL_ROWS, REHEARSAL_LENGTH = 96, 64
PROMPT = "What color is the apple?"


def make_job(context: Context, name: str, **training: Any) -> Any:
    """The job with its inspected dataset and its plan; `training` adds fields of the spec."""
    from dpojob_api.plan import Plan
    from dpojob_api.spec import DPOJobSpec
    from dpojob_planner import PoolState, plan
    from dpojob_trainer.inspection import inspect
    from dpojob_trainer.training import TrainJob

    inputs = context.scratch / "inputs"
    _make_inputs(context, inputs)
    output = context.scratch / name
    output.mkdir(exist_ok=True)
    spec = DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "in", "path": "model"}},
            "dataset": {
                "volume": {"claimName": "in", "path": "pairs.jsonl"},
                "eval": {"fraction": 0.1},
                "columnMapping": {
                    "prompt": "question", "chosen": "good_response", "rejected": "bad_response",
                },
            },
            "training": {
                "batchSize": BATCH, "learningRate": 1e-5,
                "maxLength": REHEARSAL_LENGTH if context.rehearsal else LENGTH, **training,
            },
            "samples": {"prompts": [PROMPT], "everySteps": 20},
            "output": {"volume": {"claimName": "out", "path": ""}, "merge": True},
        }
    )  # fmt: skip
    volumes = {"in": inputs, "out": output}
    report = inspect(spec, volumes)
    planned = plan(spec, report, [PoolState("bench", _pool(), free=1, nodes=1)])
    if not isinstance(planned, Plan):
        raise RuntimeError(f"no plan for this card: {planned.error}")
    return TrainJob(
        name=name, uid=name, spec=spec, report=report, plan=planned, volumes=volumes,
        scratch=context.scratch / f"{name}-scratch",
    )  # fmt: skip


def _pool() -> Any:
    """This machine as a pool."""
    from dpojob_api.pool import GPU, GPUPoolSpec
    from dpojob_api.shared_training_constants import CPU_MODEL

    if device() == "cpu":
        return GPUPoolSpec(gpu=GPU(model=CPU_MODEL, memory_gib=8, bf16=False, teraflops=0.05))
    import torch

    facts = torch.cuda.get_device_properties(0)
    bf16 = (facts.major, facts.minor) >= (8, 0)
    # The card reports its usable memory, and of an unknown kind the planner takes a share of the nominal.
    gib = facts.total_memory / (1 << 30)
    return GPUPoolSpec(gpu=GPU(model=facts.name[:63], memory_gib=gib, bf16=bf16))


def _make_inputs(context: Context, directory: Path) -> None:
    """The model's directory and the pairs, once for all jobs."""
    if directory.exists():
        return
    from examples.make_demo_data import make_model, make_pairs, write_jsonl

    rows = REHEARSAL_ROWS if context.rehearsal else ROWS
    write_jsonl(directory / "pairs.jsonl", make_pairs(rows))
    # A tokenizer and a generation config with a tiny model, whose weights the large one replaces.
    make_model(directory / "model", teach_steps=0)
    if context.rehearsal:
        return
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(directory / "model")
    fields = {
        **fields_of(SHAPE, rehearsal=False), "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None,
    }  # fmt: skip
    import torch

    MODELS.clear()
    with torch.device(device()):
        model = Qwen2ForCausalLM(Qwen2Config(**fields)).to(torch.bfloat16)
    model.cpu().save_pretrained(directory / "model")
    del model
    MODELS.clear()
