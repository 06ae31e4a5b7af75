"""What each setting gives, one by one: `python bench/train/settings.py [NAME ...]`.

Each variant trains the same pairs from the same model and seed as plain TRL with its defaults, in
fp32 unless the variant changes it, all with threads that spin as little as our trainer's. They take turns,
and the best of all rounds counts. Figures: optimizer steps per second by the clock, so it takes a quiet
machine; how many times TRL's defaults that is, without and with the reference that is computed ahead of
time counted in; and the largest difference of the loss at any step from plain TRL in fp32.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("TQDM_DISABLE", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dpojob_trainer.training.launch.session import OPENMP_SPIN_COUNT  # noqa: E402  (loads no torch)

os.environ |= {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": OPENMP_SPIN_COUNT,
}  # before torch is loaded

Train = Callable[[], list[dict[str, Any]]]
"""Trains and gives its log."""
DEFAULTS, FP32 = "TRL's defaults", "TRL in fp32, no checkpointing"


def variants(root: Path, rows: int) -> dict[str, Train]:
    """The variants by name."""
    from bench.train import dpojob_run, trl_baseline

    pairs = trl_baseline.rows(root / f"pairs-{rows}.jsonl")

    def with_trl(**settings: Any) -> Train:
        return lambda: trl_baseline.train(
            root / "model", pairs, Path(tempfile.mkdtemp(dir=root)), num_train_epochs=1,
            **trl_baseline.COMMON, **settings,
        )  # fmt: skip

    def with_dpojob(**settings: Any) -> Train:
        return lambda: dpojob_run.train(dpojob_run.job(root, rows, **settings))

    def with_arguments(**arguments: Any) -> Train:
        return with_dpojob(arguments=arguments)

    return {
        DEFAULTS: with_trl(logging_steps=1, seed=42),
        FP32: with_trl(**trl_baseline.FP32),
        "as planned": with_dpojob(),
        "every token scored": scoring_all(with_dpojob()),
        "one thread": on_one_thread(with_dpojob()),
        "reference ahead": with_dpojob(precompute_reference=True),
        "gradient checkpointing": with_dpojob(gradient_checkpointing=True),
        "logged every 10 steps": with_arguments(logging_steps=10),
        "torch's own attention": with_arguments(model_init_kwargs={"attn_implementation": "sdpa"}),
        "reference ahead, small batches": with_dpojob(
            precompute_reference=True, arguments={"precompute_ref_batch_size": dpojob_run.BATCH}
        ),
        "2 dataloader workers": with_arguments(dataloader_num_workers=2),
        "half the batch, twice": with_dpojob(
            per_device_batch_size=dpojob_run.BATCH // 2, gradient_accumulation=2
        ),
        "grouped by length": grouped(
            with_arguments(
                train_sampling_strategy="group_by_length",
                length_column_name="length",
                remove_unused_columns=False,
            )
        ),
        "unfused AdamW": with_arguments(optim="adamw_torch"),
        "no gradient clipping": with_arguments(max_grad_norm=0.0),
        "torch.compile": with_arguments(torch_compile=True),
    }


def scoring_all(train: Train) -> Train:
    """The same with TRL's LM head as it is without a GPU."""
    from dpojob_trainer.training.dpo_trainer import trl_patches

    def action() -> list[dict[str, Any]]:
        with patch.object(trl_patches, "completion_logits_only", lambda: contextlib.nullcontext()):
            return train()

    return action


def on_one_thread(train: Train) -> Train:
    """The same without torch's other threads."""
    import torch

    def action() -> list[dict[str, Any]]:
        every = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return train()
        finally:
            torch.set_num_threads(every)

    return action


def grouped(train: Train) -> Train:
    """The same with the column of lengths that transformers groups by, and TRL does not make."""
    from trl import DPOTrainer

    def with_lengths(row: dict[str, Any]) -> dict[str, int]:
        longer = max(len(row["chosen_ids"]), len(row["rejected_ids"]))
        return {"length": len(row["prompt_ids"]) + longer}

    def action() -> list[dict[str, Any]]:
        prepare = DPOTrainer._prepare_dataset
        DPOTrainer._prepare_dataset = lambda *arguments: prepare(*arguments).map(with_lengths)
        try:
            return train()
        finally:
            DPOTrainer._prepare_dataset = prepare

    return action


def main() -> int:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("names", nargs="*", help="only these, besides the first two")
    arguments = parser.parse_args()
    from bench.train.clock import Clock
    from bench.train.silence_output import silence_output
    from tests.kit import tiny_models

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        silence_output(lambda: tiny_models.make_model(root / "model", teach_steps=0))
        tiny_models.write_jsonl(
            root / f"pairs-{arguments.rows}.jsonl", tiny_models.make_pairs(arguments.rows, 1)
        )
        kinds = variants(root, arguments.rows)
        wanted = {DEFAULTS, FP32, *(arguments.names or kinds)}
        alone: dict[str, float] = {}
        whole: dict[str, float] = {}
        curves: dict[str, dict[int, float]] = {}
        failed: dict[str, str] = {}
        for _ in range(arguments.rounds):
            for name in [name for name in kinds if name in wanted]:
                try:
                    with Clock().running() as clock:
                        log = silence_output(kinds[name])
                except Exception as error:  # A variant that cannot be is an answer too.
                    failed[name] = str(error).splitlines()[0]
                    continue
                alone[name] = max(alone.get(name, 0.0), clock.steps / clock.wall)
                spent = clock.wall + clock.ahead_wall
                whole[name] = max(whole.get(name, 0.0), clock.steps / spent)
                curves[name] = {r["step"]: r["loss"] for r in log if "loss" in r}
    print(f"{'variant':32}{'steps/s':>12}{'x defaults':>12}{'x, counted':>12}{'loss apart':>12}")
    for name in alone:
        shared = curves[name].keys() & curves[FP32].keys()
        apart = max(abs(curves[name][step] - curves[FP32][step]) for step in shared)
        print(
            f"{name:32}{alone[name]:12.1f}{alone[name] / alone[DEFAULTS]:12.2f}"
            f"{whole[name] / whole[DEFAULTS]:12.2f}{apart:12.1e}"
        )
    for name, why in failed.items():
        print(f"{name}: cannot be: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
