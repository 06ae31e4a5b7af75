"""Plain TRL, as in TRL's example: load the pairs, make a DPOTrainer, train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.train.dpojob_run import BATCH, LENGTH
from datasets import Dataset
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer

from dpojob_api.plan import Plan
from dpojob_api.shared_training_constants import reference_batch_size

COMMON = {
    "per_device_train_batch_size": BATCH, "max_length": LENGTH, "learning_rate": 1e-4,
    "report_to": "none", "use_cpu": True,
}  # fmt: skip
"""The settings that both sides of the comparison share."""
FP32 = {"bf16": False, "gradient_checkpointing": False, "logging_steps": 1, "seed": 42}
"""What our trainer does with a small model on a machine without a GPU, the attention aside."""


def as_planned(plan: Plan) -> dict[str, Any]:
    """The settings of our trainer, for plain TRL."""
    return {
        **FP32,
        "bf16": plan.precision == "bf16",
        "model_init_kwargs": {"attn_implementation": "eager"},
        "precompute_ref_log_probs": plan.precompute_reference,
        "precompute_ref_batch_size": reference_batch_size(BATCH, checkpointing=False),
        "save_steps": plan.estimate.steps,
    }


def rows(pairs: Path) -> list[dict[str, Any]]:
    """The demo's pairs in TRL's conversational format."""
    return [
        {
            "prompt": [{"role": "user", "content": pair["question"]}],
            "chosen": [{"role": "assistant", "content": pair["good_response"]}],
            "rejected": [{"role": "assistant", "content": pair["bad_response"]}],
        }
        for pair in map(json.loads, pairs.read_text().splitlines())
    ]


def train(
    model: Path, rows: list[dict[str, Any]], output: Path, **settings: Any
) -> list[dict[str, Any]]:
    """Train on `rows`; the log history."""
    trainer = DPOTrainer(
        model=str(model),
        args=DPOConfig(output_dir=str(output), disable_tqdm=True, **settings),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    history: list[dict[str, Any]] = trainer.state.log_history
    return history
