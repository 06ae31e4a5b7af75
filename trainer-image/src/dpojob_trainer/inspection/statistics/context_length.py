"""Rows beyond the positions that the model has."""

from __future__ import annotations

from dpojob_api.report import ModelFacts, Problem, ProblemCode

from .dataset_warnings import share
from .token_lengths import LengthFigures

TABLE_OF_POSITIONS = frozenset(
    {
        "biogpt",
        "codegen",
        "ctrl",
        "gpt2",
        "gpt_bigcode",
        "gpt_neo",
        "gptj",
        "openai-gpt",
        "opt",
    }
)
"""Types of models that look each position up in a table, and fail behind its end."""


def of_context(figures: LengthFigures, facts: ModelFacts) -> list[Problem]:
    """Rows that, cut at maxLength, are still longer than the model's context."""
    context, limit = facts.context_length, figures.max_length
    if figures.unit != "tokens" or not 0 < context < limit:
        return []
    rows = figures.longest.above(context)
    if not rows:
        return []
    fails = facts.model_type in TABLE_OF_POSITIONS
    what = (
        "training would end with an IndexError there"
        if fails
        else "it has not learned what is further away"
    )
    return [
        Problem(
            code=ProblemCode.COMPLETION_TOO_LONG,
            severity="error" if fails else "warning",
            rows=rows,
            message=f"{share(rows, figures.rows)} are longer than the model's context of {context} "
            f"tokens, and training.maxLength {limit} does not cut them before it; {what}. Set "
            f"training.maxLength to {context} or less.",
        )
    ]
