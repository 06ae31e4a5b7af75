"""Why a single row cannot be trained on."""

from __future__ import annotations

from typing import NamedTuple

from dpojob_api.report import SuspectKind

TIE = "Tie"
"""The code of rows that a preset leaves out because neither answer is preferred; not an error."""
LOW_MARGIN = "LowMargin"
"""The code of rows that `dataset.curate.minMargin` leaves out; not an error."""
CURATED = frozenset({LOW_MARGIN, *map(str, SuspectKind)})
"""The codes of rows that `dataset.curate` leaves out."""
LEFT_OUT = CURATED | {TIE}
"""The codes of rows that are left out and are no errors."""


class RowError(NamedTuple):
    """The first error of a row."""

    code: str
    """A `ProblemCode`, or `TIE`."""
    detail: str
    """One clause of the message to the user; a dataset has few different ones."""
    remedy: str = ""
    """What to do, where it is other than for most rows with this code."""
    message_mapping: tuple[tuple[str, str], ...] = ()
    """Entries of `columnMapping.messages` that would make such a row readable."""
