"""The model of a job: its facts, chat template and tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from dpojob_api.report import ModelFacts
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection.model import (
    ModelFiles,
    TokenizerConfig,
    open_model,
    read_facts,
    read_tokenizer_config,
)
from dpojob_trainer.shared.errors import ModelUnreadable

from .load_tokenizer import open_tokenizer
from .stop_tokens import end_tokens
from .templates import ChatTemplate, TemplateRenderError
from .text_encoder import TextEncoder
from .token_counter import TokenCounter


@dataclass(frozen=True)
class ModelContext:
    """The model that the job fine-tunes."""

    files: ModelFiles
    facts: ModelFacts

    @classmethod
    def open(
        cls, model: ModelSource, volumes: Mapping[str, Path], token: str | None
    ) -> ModelContext:
        """Read the model's config and weight headers.

        Args:
            model: The model of the spec.
            volumes: The directory at which each claim is mounted.
            token: A token for the Hugging Face hub.

        Returns:
            The model.

        Raises:
            InspectionError: The model does not exist or cannot be read.
        """
        files = open_model(model, volumes, token)
        return cls(files, read_facts(files))

    @cached_property
    def config(self) -> TokenizerConfig:
        """The tokenizer's settings: those of an adapter where it has some, else those of its base."""
        return read_tokenizer_config(self._tokenizer_files)

    @cached_property
    def _tokenizer_files(self) -> ModelFiles:
        if self.facts.adapter and self.files.read("tokenizer_config.json") is None:
            return self.files.base(self.facts.base_model or "", self.facts.base_revision)
        return self.files

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer; None where the model has no tokenizer.json."""
        return open_tokenizer(self._tokenizer_files, self.config, self.facts.model_type)

    @cached_property
    def chat_template(self) -> ChatTemplate:
        """The chat template, compiled once for all that render it."""
        return ChatTemplate(self.config)

    @cached_property
    def _accelerated_encoder(self) -> TextEncoder | None:
        return None if self.tokenizer is None else TextEncoder(self.tokenizer, accelerated=True)

    def counter(self, *, accelerated: bool = False) -> TokenCounter | None:
        """Make a counter of tokens.

        Args:
            accelerated: Whether it may raise `InexactTokens`, after which its caller counts again; then
                many texts are counted faster.

        Returns:
            The counter; None where the model has no tokenizer and only characters can be counted.

        Raises:
            ModelUnreadable: The chat template is not valid Jinja.
        """
        try:
            self.chat_template.compile()
        except TemplateRenderError as problem:
            raise ModelUnreadable(
                f"the chat template of {self._tokenizer_files.source} cannot be used: {problem}. "
                "Correct its chat_template.jinja, or chat_template in its tokenizer_config.json"
            ) from None
        if self.tokenizer is None:
            return None
        encoder = self._accelerated_encoder if accelerated else None
        encoder = encoder or TextEncoder(self.tokenizer, accelerated=False)
        return TokenCounter(self.tokenizer, self.config, self.chat_template, encoder)

    def end_tokens(self) -> list[str]:
        """Find the tokens at which the model stops.

        Returns:
            The tokens, as text.
        """
        return end_tokens(self._tokenizer_files, self.config, self.tokenizer)
