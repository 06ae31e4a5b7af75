"""Parts of the messages that tell a user about rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.report import Problem, ProblemCode


def warning(
    code: ProblemCode, message: str, rows: int = 0, examples: Sequence[int] = ()
) -> Problem:
    """Build a problem that leaves the dataset valid.

    Args:
        code: What kind of problem it is.
        message: The text for the user, with a remedy.
        rows: How many rows have the problem; 0 where it is not one of rows.
        examples: Numbers of the first such rows.

    Returns:
        The problem, of severity "warning".
    """
    return Problem(
        code=code, severity="warning", rows=rows, examples=list(examples), message=message
    )


def row_share(part: int, whole: int) -> str:
    """Format a number of rows with its share of all, such as `812 rows (6.3%)`.

    Args:
        part: The rows in question.
        whole: All rows; 0 counts as 1.

    Returns:
        The text.
    """
    noun = "row" if part == 1 else "rows"
    return f"{part} {noun} ({100 * part / max(1, whole):.1f}%)"
