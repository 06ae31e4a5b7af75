"""TrainingResult: what the loop hands to the export, which imports nothing of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dpojob_api.progress import Sample

from .model import LoadedModel
from .model_source import ModelLocation


@dataclass(frozen=True)
class TrainingResult:
    """A run that ended without an error, finished or not."""

    trainer: Any
    """TRL's DPOTrainer with the weights that are kept."""
    loaded: LoadedModel
    """The model as it was before training, its tokenizer and the notes for the report."""
    start: ModelLocation
    """Where that model was read from."""
    train_rows: int
    eval_rows: int
    precision: str
    """The precision of the computation."""
    attention: str
    """The attention implementation that transformers selected for the model."""
    kept_step: int
    """The step whose weights the run ended with."""
    samples: list[Sample]
    """Each prompt with its answers before and after training."""
    answers: dict[int, list[str]]
    """The answer to each prompt, by step."""
    interrupted: bool
    """Whether a signal stopped the run before its end."""
    unhealthy: bool
    """Whether a health guard stopped it."""
