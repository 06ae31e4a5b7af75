"""Plain TRL, as its own example has it: load the pairs, make a DPOTrainer, train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer


def train(
    model: Path, rows: list[dict[str, Any]], output: Path, **settings: Any
) -> list[dict[str, Any]]:
    """Train on `rows`; the log."""
    trainer = DPOTrainer(
        model=str(model),
        args=DPOConfig(output_dir=str(output), disable_tqdm=True, **settings),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    history: list[dict[str, Any]] = trainer.state.log_history
    return history
