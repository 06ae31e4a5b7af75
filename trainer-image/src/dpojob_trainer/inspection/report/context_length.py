"""Problems of rows with more tokens than the model has positions."""

from __future__ import annotations

from dpojob_api.report import ModelFacts, Problem, ProblemCode
from dpojob_trainer.inspection.statistics import LengthStatistics
from dpojob_trainer.shared.problem_text import row_share

LEARNED_POSITIONS = frozenset(
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
"""Types of models that look up each position in a table of fixed size, so that a longer sequence
raises an IndexError (their `modeling_*.py` in transformers)."""


def context_length_problems(lengths: LengthStatistics, facts: ModelFacts) -> list[Problem]:
    """Find rows that are longer than the model's context even after truncation to maxLength.

    Args:
        lengths: The lengths of the split's rows.
        facts: The model's facts; a `context_length` of 0 is unknown.

    Returns:
        At most one problem: an error where training would fail, else a warning.
    """
    context, limit = facts.context_length, lengths.max_length
    if lengths.unit != "tokens" or not 0 < context < limit:
        return []
    rows = lengths.longest.above(context)
    if not rows:
        return []
    fails = facts.model_type in LEARNED_POSITIONS
    consequence = (
        "training would end with an IndexError there"
        if fails
        else "it has not learned what is further away"
    )
    return [
        Problem(
            code=ProblemCode.COMPLETION_TOO_LONG,
            severity="error" if fails else "warning",
            rows=rows,
            message=f"{row_share(rows, lengths.rows)} are longer than the model's context of {context} "
            f"tokens, and training.maxLength {limit} does not cut them before it; {consequence}. Set "
            f"training.maxLength to {context} or less.",
        )
    ]
