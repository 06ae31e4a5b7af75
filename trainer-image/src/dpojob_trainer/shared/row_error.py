"""What keeps one row out."""

from __future__ import annotations

from typing import NamedTuple

TIE = "Tie"
"""The code of rows that a preset leaves out because neither answer is preferred; not an error."""


class Fault(NamedTuple):
    """Why a row cannot be trained on. `detail` is one clause; few different ones per dataset."""

    code: str
    detail: str
    way: str = ""
    """What to do, where it is other than for most rows of this code."""
    messages: tuple[tuple[str, str], ...] = ()
    """What to write under `columnMapping.messages` for such a row, where that would mend it."""
