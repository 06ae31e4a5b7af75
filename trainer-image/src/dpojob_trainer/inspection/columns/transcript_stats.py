"""Whether texts are transcripts of whole conversations: what most of them are, decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .preset_converters import ASSISTANT, HUMAN


def is_transcript(text: str) -> bool:
    """Whether both sides of a conversation are marked in it, as hh-rlhf marks them."""
    return ASSISTANT in text and HUMAN in "\n\n" + text.lstrip()


@dataclass
class Votes:
    """Of the texts in the chosen column, how many are transcripts; blank ones do not count."""

    texts: int = 0
    transcripts: int = 0

    @classmethod
    def of(cls, values: Iterable[Any]) -> Votes:
        """Those of a few values."""
        found = cls()
        found.add(values)
        return found

    def add(self, values: Iterable[Any]) -> None:
        """Looks at further values; those that are no text do not count."""
        for value in values:
            if isinstance(value, str) and value.strip():
                self.texts += 1
                self.transcripts += is_transcript(value)

    def add_transcripts(self, count: int) -> None:
        """Counts texts that were read as transcripts already."""
        self.texts += count
        self.transcripts += count

    @property
    def carried(self) -> bool:
        """Whether most are transcripts."""
        return 2 * self.transcripts > self.texts
