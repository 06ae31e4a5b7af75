"""Whether the quotes of a CSV file are plainly in order.

pyarrow takes a quote that is never closed, or text after a closing one, for part of the value, and so
makes one row of several without a word.
"""

from __future__ import annotations

import numpy as np

QUOTE = ord('"')


class Quotes:
    """Looks at the bytes of a file, piece by piece."""

    def __init__(self, delimiter: str) -> None:
        self._beside = np.frombuffer(f'{delimiter}"\r\n'.encode(), np.uint8)
        self._tail = b"\n"
        self._count = 0
        self._plain = True

    def feed(self, piece: bytes) -> None:
        """The next bytes; the last of them is looked at with those after it."""
        text = np.frombuffer(self._tail + piece, np.uint8)
        places = np.flatnonzero(text[1:-1] == QUOTE) + 1
        opening = (self._count + np.arange(len(places))) % 2 == 0
        # An opening quote follows, a closing one precedes, what parts fields, or the other of two.
        beside = np.where(opening, text[places - 1], text[places + 1])
        self._plain = self._plain and bool(np.isin(beside, self._beside).all())
        self._count += len(places)
        self._tail = text[-2:].tobytes()

    def plain(self) -> bool:
        """At the end of the file: whether each field is quoted as a whole or not at all."""
        self.feed(b"\n")
        return self._plain and self._count % 2 == 0
