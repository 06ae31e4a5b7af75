"""DPO steps of TRL's trainer as ours sets it up, on rows of one exact length: their time and their memory.

Rows are made as token ids, and a precomputed reference is made up: only its absence from the step counts.
"""

from __future__ import annotations

import copy
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from unittest.mock import patch

from .cells import Context
from .models import MODELS, compute_dtype, device, facts_of, fields_of

GIB = 1 << 30
WARM_UP_STEPS = 2
MEASURED_STEPS = 4
REHEARSAL_STEPS = 3
STEP_SECONDS = 12.0
"""After this time no further step begins."""
LEARNING_RATE = 1e-6
RANK, ALPHA = 16, 32


@dataclass(frozen=True)
class StepCase:
    """The settings of a step, in the planner's terms."""

    shape: str
    method: str
    pairs: int
    length: int
    checkpointing: bool = False
    precompute: bool = False
    prompt_share: float = 0.25
    """The share of each row's tokens that the prompt takes."""
    shared_prefixes: bool = False

    @property
    def key(self) -> str:
        """The cell's name."""
        marks = "-checkpointing" * self.checkpointing + "-precomputed" * self.precompute
        return f"{self.shape}-{self.method}-{self.pairs}x{self.length}{marks}"


def measure_steps(
    context: Context, case: StepCase, *, steps: int | None = None, masked: bool = False
) -> dict[str, Any]:
    """Train some steps; the median time of those after the first two, and the memory.

    `masked`: with the padding mask also where the trainer leaves it out.
    """
    import torch
    from transformers import TrainerCallback

    if steps is None:
        steps = REHEARSAL_STEPS if context.rehearsal else WARM_UP_STEPS + MEASURED_STEPS
    last_warm_up = min(WARM_UP_STEPS, steps - 1)
    times: list[float] = []
    held: list[int] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        begun = started = 0.0

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.started = time.monotonic()

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            synchronize()
            if state.global_step == last_warm_up and device() == "cuda":
                torch.cuda.reset_peak_memory_stats()
            self.begun = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            synchronize()
            times.append(time.monotonic() - self.begun)
            held.append(torch.cuda.memory_allocated() if device() == "cuda" else 0)
            if time.monotonic() - self.started > STEP_SECONDS and len(times) > WARM_UP_STEPS:
                control.should_training_stop = True

    callbacks = [Clock()]
    with step_trainer(context, case, case.pairs * steps, callbacks, masked=masked) as trainer:
        trainer.train()
        first = next(record for record in trainer.state.log_history if "loss" in record)
        memory = _memory()
        shared = trainer.shares_prefixes
    measured = times[WARM_UP_STEPS:] or times[-1:]
    return {
        "case": asdict(case),
        "facts": facts_of(fields_of(case.shape, context.rehearsal)).wire(),
        "rank": RANK,
        "sharedPrefixes": shared,
        "stepSeconds": statistics.median(measured),
        "allStepSeconds": [round(seconds, 4) for seconds in times],
        "persistentGiB": held[-1] / GIB,
        **memory,
        "first": {name: first.get(name) for name in ("loss", "rewards/margins", "grad_norm")},
    }


def synchronize() -> None:
    """Wait for the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _memory() -> dict[str, float]:
    """Peaks of torch's allocator, and what the whole card has in use; zeros on the CPU."""
    import torch

    if not torch.cuda.is_available():
        return {"allocatedPeakGiB": 0.0, "reservedPeakGiB": 0.0, "contextGiB": 0.0}
    free, total = torch.cuda.mem_get_info()
    return {
        "allocatedPeakGiB": torch.cuda.max_memory_allocated() / GIB,
        "reservedPeakGiB": torch.cuda.max_memory_reserved() / GIB,
        "contextGiB": (total - free - torch.cuda.memory_reserved()) / GIB,
    }


@contextmanager
def step_trainer(
    context: Context, case: StepCase, rows: int, callbacks: list[Any], *, masked: bool
) -> Iterator[Any]:
    """A trainer for `rows` pairs; the model is as before at the end, and the memory free."""
    import torch
    from peft import LoraConfig
    from trl import DPOConfig

    from dpojob_trainer.training.digested_files import FileDigests
    from dpojob_trainer.training.dpo_trainer.prefix_sharing_trainer import PrefixSharingTrainer
    from dpojob_trainer.training.dpo_trainer.trl_patches import completion_logits_only
    from dpojob_trainer.training.loop.attention import (
        gpu_capability,
        keys_repeated_before_flash,
        leave_out_padding_mask,
    )
    from dpojob_trainer.training.setup.precision import keep_trainable_weights_in_fp32

    class StepTrainer(PrefixSharingTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            for side in ("chosen", "rejected"):
                dataset = dataset.add_column(f"ref_{side}_logps", [-100.0] * len(dataset))
            return dataset

    base = MODELS.get(case.shape, case.method, context.rehearsal)
    forward = base.forward
    full, dtype = case.method == "full", compute_dtype()
    with tempfile.TemporaryDirectory(dir=context.scratch) as output:
        config = DPOConfig(
            output_dir=output,
            per_device_train_batch_size=case.pairs,
            max_length=case.length,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            gradient_checkpointing=case.checkpointing,
            precompute_ref_log_probs=case.precompute,
            bf16=dtype == torch.bfloat16,
            fp16=dtype == torch.float16,
            use_cpu=device() == "cpu",
            save_strategy="no",
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
        )
        # Its hash is the key of a cache of references, which is not used here.
        unhashed = patch("trl.trainer.utils.hash_module", lambda _: "")
        repeated = keys_repeated_before_flash(gpu_capability())
        with completion_logits_only(), repeated, unhashed:
            trainer = StepTrainer(
                share_prefixes=case.shared_prefixes,
                notes=[],
                digests=FileDigests(),
                model=base,
                ref_model=copy.deepcopy(base) if full and not case.precompute else None,
                args=config,
                train_dataset=_rows(case, rows, base.config.vocab_size),
                processing_class=tokenizer(),
                peft_config=None if full else _lora(LoraConfig),
                callbacks=callbacks,
            )
            keep_trainable_weights_in_fp32(trainer.model)
            capability = None if masked else gpu_capability()
            models = [model for model in (trainer.model, trainer.ref_model) if model is not None]
            without_mask = [leave_out_padding_mask(model, capability) for model in models]
            try:
                yield trainer
            finally:
                for handle in without_mask:
                    if handle is not None:
                        handle.remove()
                if not full:
                    trainer.model.unload()
                # TRL's head and accelerate's autocast wrap the forward for one trainer only.
                base.forward = forward
                base.gradient_checkpointing_disable()
                base.zero_grad(set_to_none=True)
                trainer.accelerator.free_memory()
                del trainer
                gc.collect()
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()


def _lora(config: Any) -> Any:
    return config(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")


def tokenizer() -> Any:
    """A tokenizer that is asked for nothing but its special tokens."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")


def _rows(case: StepCase, rows: int, vocabulary: int) -> Any:
    """Random pairs, whose rows all have the whole length."""
    import torch
    from datasets import Dataset

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, vocabulary, (rows, 2, case.length), generator=generator)
    prompt = round(case.length * case.prompt_share)
    return Dataset.from_dict(
        {
            "prompt_ids": ids[:, 0, :prompt].tolist(),
            "chosen_ids": ids[:, 0, prompt:].tolist(),
            "rejected_ids": ids[:, 1, prompt:].tolist(),
        }
    )
