"""A reward model as the judge: a sequence-classification model with one output."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from dpojob_api.spec import RewardModel
from dpojob_trainer.shared.reward_model import ARCHITECTURE
from dpojob_trainer.shared.rows.preference_pair import as_messages
from dpojob_trainer.training.setup.model_source import download_model
from dpojob_trainer.training.setup.train_job import TrainJob

from .judge import Exchange, JudgeError, ScoringJudge

BATCH_SIZE = 8


class RewardModelJudge(ScoringJudge):
    """Scores with the model's own tokenizer and chat template, whatever those of the judged model."""

    def __init__(self, directory: Path, name: str, deadline: float = math.inf) -> None:
        """Load the model in `directory`. Raises JudgeError where it is no reward model.

        `deadline` is when it scores no more, by `time.monotonic`.
        """
        _check(directory, name)
        self._deadline = deadline
        self.name = f"reward model {name}"
        # A conversation longer than the context loses its beginning, not the answer at its end.
        self._tokenizer = AutoTokenizer.from_pretrained(
            directory, truncation_side="left", trust_remote_code=False
        )
        options: dict[str, Any] = {"dtype": "auto", "trust_remote_code": False}
        if torch.cuda.is_available():
            options["device_map"] = {"": 0}
        self._model = AutoModelForSequenceClassification.from_pretrained(
            directory, **options
        ).eval()
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        # By it the model finds each text's last token in a padded batch.
        self._model.config.get_text_config().pad_token_id = self._tokenizer.pad_token_id
        self._model.config.pad_token_id = self._tokenizer.pad_token_id

    @classmethod
    def open(cls, job: TrainJob, spec: RewardModel, deadline: float) -> RewardModelJudge:
        """Find or download the model that `spec` names, and load it. Raises JudgeError or TrainingError."""
        if spec.volume is not None:
            return cls(job.path(spec.volume), spec.volume.path or spec.volume.claim_name, deadline)
        repo = str(spec.repo)
        return cls(download_model(job, repo, spec.revision), repo, deadline)

    def scores(self, exchanges: Sequence[Exchange]) -> list[float | None]:
        """The rewards. One that is not finite counts as no score."""
        found: list[float | None] = []
        for begin in range(0, len(exchanges), BATCH_SIZE):
            if time.monotonic() > self._deadline:
                raise JudgeError(
                    f"{self.name} had scored {begin} of {len(exchanges)} answers when evaluation.maxDuration ended: "
                    "raise it, or lower evaluation.prompts.max"
                )
            texts = [self._text(each) for each in exchanges[begin : begin + BATCH_SIZE]]
            context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
            inputs = self._tokenizer(
                texts,
                padding=True,
                truncation=context is not None,
                max_length=context,
                # The chat template wrote its own special tokens.
                add_special_tokens=not self._tokenizer.chat_template,
                return_tensors="pt",
            ).to(self._model.device)
            inputs.pop("token_type_ids", None)
            self._check_tokens(inputs["input_ids"])
            with torch.no_grad():
                rewards = self._model(**inputs).logits[:, 0].float()
            found += [float(r) if torch.isfinite(r) else None for r in rewards.cpu()]
        return found

    def _check_tokens(self, tokens: torch.Tensor) -> None:
        """Raise JudgeError for a token without an embedding, as where another model's tokenizer lies beside the model.

        A GPU that is asked for it takes part in no further computation of this process.
        """
        known, largest = self._model.get_input_embeddings().num_embeddings, int(tokens.max())
        if largest >= known:
            raise JudgeError(
                f"{self.name} has embeddings of {known} tokens, and the tokenizer beside it gives token {largest}: "
                "it is another model's; save the reward model's own"
            )

    def _text(self, exchange: Exchange) -> str:
        if self._tokenizer.chat_template:
            messages = as_messages(exchange.prompt, "user")
            return str(
                self._tokenizer.apply_chat_template(
                    [*messages, {"role": "assistant", "content": exchange.answer}], tokenize=False
                )
            )
        prompt = exchange.prompt
        if not isinstance(prompt, str):
            prompt = "\n\n".join(str(message.get("content", "")) for message in prompt)
        return f"{prompt}\n\n{exchange.answer}"


def _check(directory: Path, name: str) -> None:
    try:
        config = AutoConfig.from_pretrained(directory, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise JudgeError(f"evaluation.judge.rewardModel {name} cannot be read: {error}") from error
    architectures = config.architectures or []
    if not any(architecture.endswith(ARCHITECTURE) for architecture in architectures):
        raise JudgeError(
            f"evaluation.judge.rewardModel {name} is a {', '.join(architectures) or 'model without architecture'}; "
            f"a reward model's architecture ends with {ARCHITECTURE}"
        )
    if config.num_labels != 1:
        raise JudgeError(
            f"evaluation.judge.rewardModel {name} has {config.num_labels} outputs; a reward model has one"
        )
