"""The model of a job: its facts, chat template and tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from dpojob_api.report import ModelFacts, Problem, ProblemCode
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection.model import (
    ModelFiles,
    TokenizerConfig,
    open_model,
    read_facts,
    read_tokenizer_config,
)
from dpojob_trainer.shared.errors import model_unreadable
from dpojob_trainer.shared.problem_text import warning

from .chat_template import ChatTemplate, TemplateRenderError
from .load_tokenizer import open_tokenizer
from .stop_tokens import end_tokens, ends_turns_with
from .token_counter import TokenCounter

TUNED = frozenset({"it", "instruct", "chat", "sft"})
"""Parts of the name of a model that was fine-tuned on instructions."""


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

    def counter(self) -> TokenCounter | None:
        """Make a counter of tokens.

        Returns:
            The counter; None where the model has no tokenizer and only characters can be counted.

        Raises:
            InspectionError: The chat template is not valid Jinja.
        """
        try:
            ChatTemplate(self.config).compile()
        except TemplateRenderError as problem:
            raise model_unreadable(
                f"the chat template of {self._tokenizer_files.source} cannot be used: {problem}. "
                "Correct its chat_template.jinja, or chat_template in its tokenizer_config.json"
            ) from None
        return None if self.tokenizer is None else TokenCounter(self.tokenizer, self.config)

    def advice(self, conversational: bool) -> list[Problem]:
        """Warn where the model is probably not suited for DPO.

        Args:
            conversational: Whether the rows are conversations.

        Returns:
            The warnings.
        """
        name = self.facts.base_model or self.facts.source
        if not self.config.has_template:
            found = [
                warning(
                    ProblemCode.BASE_MODEL,
                    f"{name} has no chat template, so it looks like a base model; DPO works on a model "
                    "that was fine-tuned on instructions first (SFT).",
                )
            ]
            if conversational:
                found.append(
                    warning(
                        ProblemCode.NO_CHAT_TEMPLATE,
                        "the rows are conversations and the tokenizer has no chat template; training "
                        "uses plain ChatML, which the model has not seen. Prefer the SFT model that "
                        "was trained with a template.",
                    )
                )
            return found
        words = name.lower().replace("_", "-").split("/")[-1].split("-")
        if "base" in words:
            return [
                warning(
                    ProblemCode.BASE_MODEL,
                    f"{name} is called a base model. If it is one, prefer its instruction-tuned "
                    "variant: DPO works on a model that was fine-tuned on instructions first (SFT).",
                )
            ]
        ends = end_tokens(self._tokenizer_files, self.config, self.tokenizer)
        if not TUNED & set(words) and not ends_turns_with(self.config, ends):
            return [
                warning(
                    ProblemCode.BASE_MODEL,
                    f"{name} looks like a base model: no token at which it stops ({', '.join(ends)}) "
                    "ends a turn of its chat template. DPO works on a model that was fine-tuned on "
                    "instructions first (SFT); prefer its instruction-tuned variant.",
                )
            ]
        return []
