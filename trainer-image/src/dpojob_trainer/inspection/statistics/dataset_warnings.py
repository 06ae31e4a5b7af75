"""Problems of the dataset as a whole: what repeats, leans, leaks or is cut, and what the model lacks."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.report import Lengths, Problem, ProblemCode, Quality

from .duplicates import Repeats
from .token_lengths import LengthFigures

BIAS = 0.9
"""Share of rows whose chosen answer is the longer (or the shorter) one, from which it is a warning."""
BIAS_ROWS = 50
"""Fewer rows say nothing about a bias."""


def share(part: int, whole: int) -> str:
    """`812 rows (6.3%)`."""
    noun = "row" if part == 1 else "rows"
    return f"{part} {noun} ({100 * part / max(1, whole):.1f}%)"


def warning(
    code: ProblemCode, message: str, rows: int = 0, examples: Sequence[int] = ()
) -> Problem:
    """A problem that leaves the dataset valid."""
    return Problem(
        code=code, severity="warning", rows=rows, examples=list(examples), message=message
    )


def quality(figures: LengthFigures, repeats: Repeats) -> Quality:
    """The report's figures."""
    compared = max(1, figures.rows)
    return Quality(
        duplicate_rows=repeats.duplicates,
        contradictory_pairs=repeats.contradictions,
        chosen_longer_share=round(figures.chosen_longer / compared, 4),
        truncated_share=round(figures.truncated / compared, 4),
        eval_overlap=repeats.overlap,
    )


def of_repeats(repeats: Repeats, rows: int, eval_rows: int, split: str | None) -> list[Problem]:
    """Duplicates, contradictions and leaks, among so many rows; `split` is the evaluation split."""
    found = []
    if repeats.contradictions:
        pairs = "pair occurs" if repeats.contradictions == 1 else "pairs occur"
        found.append(
            warning(
                ProblemCode.CONTRADICTORY_PAIR,
                f"{repeats.contradictions} {pairs} both ways round: what is chosen in one row is "
                "rejected in another, and they cancel out; keep one of each.",
                repeats.contradictions,
                repeats.contradictory_rows,
            )
        )
    if repeats.duplicates:
        less = repeats.duplicates - min(repeats.exact, repeats.duplicates)
        found.append(
            warning(
                ProblemCode.DUPLICATE_ROW,
                f"{share(repeats.duplicates, rows)} repeat an earlier one"
                + (f", {less} of them up to case and white space" if less else "")
                + "; they weigh double in training. Remove them unless that is meant.",
                repeats.duplicates,
                repeats.duplicate_rows,
            )
        )
    if repeats.overlap:
        found.append(
            warning(
                ProblemCode.EVAL_OVERLAP,
                f"{share(repeats.overlap, eval_rows)} of the evaluation split are trained on too, so "
                "evaluation looks better than it is; remove them from one split. Row numbers are "
                "those of the evaluation split.",
                repeats.overlap,
                repeats.overlap_rows,
            ).model_copy(update={"split": split})
        )
    return found


def of_lengths(
    figures: LengthFigures, lengths: Lengths | None, long_rows: Sequence[int], context: int
) -> list[Problem]:
    """What is cut, and answers told apart by their length alone."""
    found = []
    if lengths is not None and figures.truncated:
        found.append(
            warning(
                ProblemCode.COMPLETION_TOO_LONG,
                f"{share(figures.truncated, figures.rows)} are longer than training.maxLength "
                f"{figures.max_length} and are cut at the end; {lengths.max_length_for_95} keeps 95% "
                f"of the pairs whole, {lengths.max_length_for_99} keeps 99%"
                + (f" (the model's context is {context})" if context else "")
                + ".",
                figures.truncated,
                long_rows,
            )
        )
    if figures.rows >= BIAS_ROWS:
        for many, word, other in (
            (figures.chosen_longer, "longer", "length"),
            (figures.rejected_longer, "shorter", "brevity"),
        ):
            if many > BIAS * figures.rows:
                found.append(
                    warning(
                        ProblemCode.LENGTH_BIAS,
                        f"the chosen answer is the {word} one in {100 * many / figures.rows:.0f}% of "
                        f"the rows; the model may learn {other} instead of quality. Balance the "
                        "pairs, or set training.arguments: {loss_type: [sigmoid_norm]}.",
                        many,
                    )
                )
    return found
