"""How many texts of a column are transcripts, which decides between presets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dpojob_trainer.shared.rows.turn_marks import ASSISTANT, HUMAN

from .preset_converters import (
    is_single_spaced,
)


def is_transcript(text: str) -> bool:
    """Tell whether a text is a transcript in the format of Anthropic/hh-rlhf.

    Args:
        text: Any text.

    Returns:
        Whether both the human's and the assistant's turns are marked in it.
    """
    if ASSISTANT not in text:
        return is_single_spaced(text)
    return HUMAN in "\n\n" + text.lstrip()


@dataclass
class TranscriptStats:
    """How many texts of the chosen column are transcripts; blank texts do not count."""

    texts: int = 0
    transcripts: int = 0

    @classmethod
    def of(cls, values: Iterable[Any]) -> TranscriptStats:
        """Count values.

        Args:
            values: Values of the chosen column.

        Returns:
            Their statistics.
        """
        found = cls()
        found.add(values)
        return found

    def add(self, values: Iterable[Any]) -> None:
        """Count further values; those that are no text do not count.

        Args:
            values: Values of the column.
        """
        for value in values:
            if isinstance(value, str) and value.strip():
                self.texts += 1
                self.transcripts += is_transcript(value)

    def add_transcripts(self, count: int) -> None:
        """Count texts that are known to be transcripts.

        Args:
            count: Their number.
        """
        self.texts += count
        self.transcripts += count

    @property
    def is_majority(self) -> bool:
        """Whether most are transcripts."""
        return 2 * self.transcripts > self.texts
