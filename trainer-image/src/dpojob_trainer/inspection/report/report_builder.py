"""Builds the report of a dataset that could be read: valid or not, with all problems and figures."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.report import (
    InspectionReport,
    ModelFacts,
    Problem,
    ProblemCode,
    Suggestion,
    Suspects,
)
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection.statistics import DuplicateStatistics, SplitStatistics

from . import dataset_warnings
from .context_length import context_length_problems
from .curated_rows import curation_problems
from .invalid_rows import InvalidRows
from .pair_problems import pair_warnings


def build_report(
    spec: DPOJobSpec,
    base: InspectionReport,
    train: SplitStatistics,
    evaluation: SplitStatistics | None,
    duplicates: DuplicateStatistics,
    suspects: Sequence[Suspects],
    compared_rows: int,
    model_facts: ModelFacts,
    model_warnings: Sequence[Problem],
) -> InspectionReport:
    """Build the report.

    Args:
        spec: The job's spec.
        base: What is known of source, columns and model, with the problems found so far.
        train: The counts over the training split.
        evaluation: Those over the evaluation split, where it has files of its own.
        duplicates: What occurs more than once in and between the splits.
        suspects: Accepted rows of the training split that may be wrong.
        compared_rows: How many rows were compared for them.
        model_facts: The facts about the model.
        model_warnings: The warnings about the model itself.

    Returns:
        `base` with the result and all figures; valid unless a problem is an error.
    """
    dataset = spec.dataset
    invalid = InvalidRows(dataset, train)
    invalid_evaluation = InvalidRows(dataset, evaluation) if evaluation else None
    errors = [
        *base.problems,
        *invalid.problems(),
        *_empty_dataset(base, train),
        *curation_problems(dataset, base.mapping, train),
        *context_length_problems(train.lengths, model_facts),
    ]
    if invalid_evaluation is not None:
        errors += _evaluation_problems(invalid_evaluation, dataset.eval.split or "", model_facts)
    reason = _reason(errors, invalid, invalid_evaluation)
    lengths = train.lengths.report()
    warnings = [
        *pair_warnings(train),
        *dataset_warnings.length_warnings(
            train.lengths, lengths, train.long_rows, model_facts.context_length
        ),
        *dataset_warnings.duplicate_warnings(
            duplicates, train.valid, evaluation.valid if evaluation else 0, dataset.eval.split
        ),
        *model_warnings,
    ]
    dropped = invalid.dropped_counts()
    messages = {} if invalid.are_dropped else train.errors.suggested_message_mapping(train.valid)
    cut = train.prompt_bins.cut(dataset.eval.fraction or 0.0)
    return base.model_copy(
        update={
            "valid": reason is None,
            "reason": reason,
            "format": train.format or "unknown",
            "rows": train.rows,
            "valid_rows": train.valid,
            "dropped": dropped,
            "dropped_rows": sum(dropped.values()),
            "train_rows": train.valid - (0 if evaluation else cut.rows),
            "eval_rows": evaluation.valid if evaluation else cut.rows,
            "eval_dropped": invalid_evaluation.dropped_counts() if invalid_evaluation else {},
            "eval_cut": cut.share,
            "implicit_prompt": train.implicit_prompts > 0,
            "problems": [*errors, *warnings],
            "suspects": list(suspects),
            "compared_rows": compared_rows,
            "suggestion": _suggestion(base.suggestion, messages),
            "lengths": lengths,
            "quality": dataset_warnings.quality(train.lengths, duplicates),
        }
    )


def _reason(
    problems: list[Problem], invalid: InvalidRows, invalid_evaluation: InvalidRows | None
) -> str | None:
    """The condition reason of an invalid dataset; None for a valid one."""
    if not any(problem.severity == "error" for problem in problems):
        return None
    too_many = (
        invalid.are_too_many
        or (invalid_evaluation is not None and invalid_evaluation.are_too_many)
        or any(
            problem.code == ProblemCode.CURATED_ROWS
            for problem in problems
            if problem.severity == "error"
        )
    )
    return str(Reason.TOO_MANY_INVALID_ROWS if too_many else Reason.DATASET_INVALID)


def _suggestion(known: Suggestion | None, messages: dict[str, str]) -> Suggestion | None:
    """The suggestion with entries of `columnMapping.messages` added."""
    if not messages:
        return known
    columns = known.column_mapping if known else {}
    return Suggestion(column_mapping={**columns, "messages": messages})


def _empty_dataset(base: InspectionReport, train: SplitStatistics) -> list[Problem]:
    """The problem that there are no rows at all, or no valid ones."""
    if train.rows == 0:
        message = f"{base.source} has no rows."
    elif train.valid == 0 and not train.errors.invalid and not train.errors.curated:
        message = "every row is a tie; none is left to train on."
    else:
        return []
    return [Problem(code=ProblemCode.EMPTY_DATASET, message=message)]


def _evaluation_problems(
    invalid: InvalidRows, split: str, model_facts: ModelFacts
) -> list[Problem]:
    """The problems of the evaluation split, to which the same rules apply."""
    statistics = invalid.statistics
    found = [*invalid.problems(), *context_length_problems(statistics.lengths, model_facts)]
    for problem in found:
        problem.split = split
        problem.message = f"in the evaluation split {split!r}: {problem.message}"
    if statistics.valid == 0 and not found:
        found.append(
            Problem(
                code=ProblemCode.EMPTY_DATASET,
                message=f"the evaluation split {split!r} has no rows.",
            )
        )
    return found
