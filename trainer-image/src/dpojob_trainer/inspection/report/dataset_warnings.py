"""Warnings about the dataset as a whole: duplicates, contradictions, leaks, truncation, length bias."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.report import Lengths, Problem, ProblemCode, Quality
from dpojob_trainer.inspection.statistics import DuplicateStatistics, LengthStatistics
from dpojob_trainer.shared.problem_text import row_share, warning

LENGTH_BIAS_SHARE = 0.9
"""Share of rows whose chosen answer is the longer (or the shorter) one, above which there is a warning."""
LENGTH_BIAS_MIN_ROWS = 50
"""With fewer rows such a share may be chance."""


def quality(lengths: LengthStatistics, duplicates: DuplicateStatistics) -> Quality:
    """Summarise what the warnings are about.

    Args:
        lengths: The lengths of the training split's rows.
        duplicates: What occurs more than once.

    Returns:
        The report's `quality`; shares are from 0 to 1.
    """
    compared = max(1, lengths.rows)
    return Quality(
        duplicate_rows=duplicates.duplicates,
        contradictory_pairs=duplicates.contradictions,
        chosen_longer_share=round(lengths.chosen_longer / compared, 4),
        truncated_share=round(lengths.truncated / compared, 4),
        eval_overlap=duplicates.overlap,
    )


def duplicate_warnings(
    duplicates: DuplicateStatistics, rows: int, eval_rows: int, eval_split: str | None
) -> list[Problem]:
    """Warn about duplicates, contradictions and leaks.

    Args:
        duplicates: What occurs more than once.
        rows: Valid rows of the training split.
        eval_rows: Valid rows of the evaluation split.
        eval_split: The name of the evaluation split, where it has files of its own.

    Returns:
        The warnings.
    """
    found = []
    if duplicates.contradictions:
        pairs = "pair occurs" if duplicates.contradictions == 1 else "pairs occur"
        found.append(
            warning(
                ProblemCode.CONTRADICTORY_PAIR,
                f"{duplicates.contradictions} {pairs} both ways round: what is chosen in one row is "
                "rejected in another, and they cancel out; keep one of each.",
                duplicates.contradictions,
                duplicates.contradictory_rows,
            )
        )
    if duplicates.duplicates:
        inexact = duplicates.duplicates - min(duplicates.exact, duplicates.duplicates)
        found.append(
            warning(
                ProblemCode.DUPLICATE_ROW,
                f"{row_share(duplicates.duplicates, rows)} repeat an earlier one"
                + (f", {inexact} of them up to case and white space" if inexact else "")
                + "; they weigh double in training. Remove them unless that is meant.",
                duplicates.duplicates,
                duplicates.duplicate_rows,
            )
        )
    if duplicates.overlap:
        found.append(
            warning(
                ProblemCode.EVAL_OVERLAP,
                f"{row_share(duplicates.overlap, eval_rows)} of the evaluation split are trained on too, so "
                "evaluation looks better than it is; remove them from one split. Row numbers are "
                "those of the evaluation split.",
                duplicates.overlap,
                duplicates.overlap_rows,
            ).model_copy(update={"split": eval_split})
        )
    return found


def length_warnings(
    lengths: LengthStatistics, reported: Lengths | None, long_rows: Sequence[int], context: int
) -> list[Problem]:
    """Warn about truncation, and about answers whose length alone tells which is preferred.

    Args:
        lengths: The lengths of the training split's rows.
        reported: The same as the report has them; None without rows.
        long_rows: Numbers of the first rows that are truncated.
        context: The model's context length in tokens; 0 where it is unknown.

    Returns:
        The warnings.
    """
    found = []
    if reported is not None and lengths.truncated:
        found.append(
            warning(
                ProblemCode.COMPLETION_TOO_LONG,
                f"{row_share(lengths.truncated, lengths.rows)} are longer than training.maxLength "
                f"{lengths.max_length} and are cut at the end; {reported.max_length_for_95} keeps 95% "
                f"of the pairs whole, {reported.max_length_for_99} keeps 99%"
                + (f" (the model's context is {context})" if context else "")
                + ".",
                lengths.truncated,
                long_rows,
            )
        )
    if lengths.rows >= LENGTH_BIAS_MIN_ROWS:
        for count, word, other in (
            (lengths.chosen_longer, "longer", "length"),
            (lengths.rejected_longer, "shorter", "brevity"),
        ):
            if count > LENGTH_BIAS_SHARE * lengths.rows:
                found.append(
                    warning(
                        ProblemCode.LENGTH_BIAS,
                        f"the chosen answer is the {word} one in {100 * count / lengths.rows:.0f}% of "
                        f"the rows; the model may learn {other} instead of quality. Balance the "
                        "pairs, or set training.arguments: {loss_type: [sigmoid_norm]}.",
                        count,
                    )
                )
    return found
