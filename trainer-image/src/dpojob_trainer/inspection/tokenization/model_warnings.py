"""Warnings about the model itself: whether it looks like a base model, and has a chat template."""

from __future__ import annotations

from dpojob_api.report import Problem, ProblemCode
from dpojob_trainer.shared.problem_text import warning

from .model_context import ModelContext
from .stop_tokens import ends_turns_with

TUNED = frozenset({"it", "instruct", "chat", "sft"})
"""Parts of the name of a model that was fine-tuned on instructions."""


def model_warnings(context: ModelContext, conversational: bool) -> list[Problem]:
    """Warn where the model is probably not suited for DPO.

    Args:
        context: The model.
        conversational: Whether the rows are conversations.

    Returns:
        The warnings.
    """
    name = context.facts.base_model or context.facts.source
    if not context.config.has_template:
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
    ends = context.end_tokens()
    if not TUNED & set(words) and not ends_turns_with(context.chat_template, ends):
        return [
            warning(
                ProblemCode.BASE_MODEL,
                f"{name} looks like a base model: no token at which it stops ({', '.join(ends)}) "
                "ends a turn of its chat template. DPO works on a model that was fine-tuned on "
                "instructions first (SFT); prefer its instruction-tuned variant.",
            )
        ]
    return []
