"""What `dataset.curate` left out, and whether it is more than `dataset.maxDroppedShare` allows."""

from __future__ import annotations

from dpojob_api.report import Mapping, Problem, ProblemCode
from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection.statistics import SplitStatistics
from dpojob_trainer.shared.problem_text import row_share, warning


def curation_problems(
    dataset: DatasetSource, mapping: Mapping, statistics: SplitStatistics
) -> list[Problem]:
    """Report the rows that were left out.

    Args:
        dataset: The spec's dataset.
        mapping: The columns of the report.
        statistics: The counts over the training split.

    Returns:
        A warning with the numbers by kind, which is an error beyond the limit; an error where a margin
        is asked for and there are no scores.
    """
    if dataset.curate.min_margin is not None and mapping.chosen_score is None:
        return [
            Problem(
                code=ProblemCode.MISSING_COLUMN,
                message="dataset.curate.minMargin needs a column with the score of each answer, such as "
                "score_chosen and score_rejected; the dataset has none that is named so.",
            )
        ]
    curated = statistics.errors.curated
    problems = _unscored(dataset, mapping, statistics)
    if not curated:
        return problems
    rows, limit = sum(curated.values()), dataset.max_dropped_share
    kinds = ", ".join(f"{count} {code}" for code, count in curated.items())
    found = warning(
        ProblemCode.CURATED_ROWS,
        f"{row_share(rows, statistics.rows)} are left out by dataset.curate: {kinds}.",
        rows,
        statistics.errors.first_curated(),
    )
    dropped = statistics.errors.invalid if dataset.invalid_rows == "Drop" else 0
    if rows + dropped > limit * statistics.rows:
        found.severity = "error"
        found.message = (
            f"{row_share(rows + dropped, statistics.rows)} would be left out, more than maxDroppedShare "
            f"{limit:g} allows; by dataset.curate: {kinds}. Raise dataset.maxDroppedShare, or correct "
            "the rows."
        )
    return [*problems, found]


def _unscored(
    dataset: DatasetSource, mapping: Mapping, statistics: SplitStatistics
) -> list[Problem]:
    """Rows to which `minMargin` cannot apply."""
    if dataset.curate.min_margin is None or not statistics.unscored:
        return []
    names = f"{mapping.chosen_score!r} or {mapping.rejected_score!r}"
    if statistics.unscored == statistics.valid and not statistics.errors.curated:
        return [
            Problem(
                code=ProblemCode.MISSING_COLUMN,
                message=f"dataset.curate.minMargin needs scores, and {names} is no number in any row; write "
                "numbers, or leave minMargin out.",
            )
        ]
    return [
        warning(
            ProblemCode.CURATED_ROWS,
            f"{row_share(statistics.unscored, statistics.valid)} stay without regard to "
            f"dataset.curate.minMargin, because {names} is no number in them.",
            statistics.unscored,
        )
    ]
