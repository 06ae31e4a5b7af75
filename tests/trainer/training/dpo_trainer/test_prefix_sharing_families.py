"""Each family that `prefixSharing: Auto` shares prefixes for is trained by the same losses with and without them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from tests.kit.training.prefix_batches import FAMILY_SETTINGS, VOCABULARY, tiny_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig

from dpojob_api.shared_training_constants import PREFIX_SHARING_MODEL_TYPES
from dpojob_trainer.training.digested_files import FileDigests
from dpojob_trainer.training.dpo_trainer.prefix_sharing_trainer import PrefixSharingTrainer

pytestmark = pytest.mark.train
STEPS, PAIRS = 8, 4


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    words = {"<pad>": 0, "<eos>": 1, **{f"w{number}": number for number in range(2, VOCABULARY)}}
    raw = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")


def rows() -> list[dict[str, str]]:
    """Pairs of lengths that differ, some with answers that begin alike."""
    draw = random.Random(0)

    def words(low: int, high: int) -> str:
        count = draw.randint(low, high)
        return "".join(f" w{draw.randrange(2, VOCABULARY)}" for _ in range(count))

    found = []
    for number in range(STEPS * PAIRS):
        beginning = words(3, 9) if number % 3 == 0 else ""
        found.append({
            "prompt": words(8, 40), "chosen": beginning + words(2, 20), "rejected": beginning + words(2, 20),
        })  # fmt: skip
    return found


def step_figures(
    model_type: str, tokenizer: Any, directory: Path, *, share: bool
) -> list[dict[str, float]]:
    """Loss and norm of the gradients of each step."""
    attention = "eager" if model_type == "gemma2" else "sdpa"
    config = DPOConfig(
        output_dir=str(directory), per_device_train_batch_size=PAIRS, max_steps=STEPS, max_length=48, logging_steps=1,
        save_strategy="no", report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False,
        learning_rate=1e-3, disable_tqdm=True,
    )  # fmt: skip
    model, reference = (
        tiny_model(model_type, attention, **FAMILY_SETTINGS.get(model_type, {})) for _ in "pr"
    )
    notes: list[str] = []
    trainer = PrefixSharingTrainer(
        share_prefixes=share, notes=notes, digests=FileDigests(), model=model, ref_model=reference, args=config,
        train_dataset=Dataset.from_list(rows()), processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    assert (trainer.shares_prefixes, notes) == (share, [])
    history = [record for record in trainer.state.log_history if "loss" in record]
    return [{name: record[name] for name in ("loss", "grad_norm")} for record in history]


@pytest.mark.parametrize("model_type", PREFIX_SHARING_MODEL_TYPES)
def test_losses_and_gradients_of_every_step_are_those_of_separate_rows(
    model_type: str, tokenizer: Any, tmp_path: Path
) -> None:
    plain = step_figures(model_type, tokenizer, tmp_path, share=False)
    found = step_figures(model_type, tokenizer, tmp_path, share=True)
    assert len(found) == len(plain) == STEPS
    assert plain[0]["loss"] != pytest.approx(plain[-1]["loss"], abs=1e-3)
    for one, other in zip(found, plain, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-4)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-3)


def test_ten_families_are_tested() -> None:
    assert len(PREFIX_SHARING_MODEL_TYPES) >= 10
