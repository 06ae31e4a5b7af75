"""Checks whether the quotes of a CSV file are regular: each field is quoted as a whole or not at all.

pyarrow takes a quote that is never closed, or text after a closing quote, as part of the value, and so
silently merges several rows into one.
"""

from __future__ import annotations

import numpy as np

QUOTE = ord('"')


class QuoteCheck:
    """Checks the bytes of a file, chunk by chunk.

    Args:
        delimiter: The character between two fields, of one byte.
    """

    def __init__(self, delimiter: str) -> None:
        self._field_boundaries = np.frombuffer(f'{delimiter}"\r\n'.encode(), np.uint8)
        self._tail = b"\n"
        self._count = 0
        self._is_regular = True

    def feed(self, chunk: bytes) -> None:
        """Check the next bytes; the last byte is checked together with those that follow it.

        Args:
            chunk: The bytes.
        """
        data = np.frombuffer(self._tail + chunk, np.uint8)
        positions = np.flatnonzero(data[1:-1] == QUOTE) + 1
        opening = (self._count + np.arange(len(positions))) % 2 == 0
        # The byte before an opening quote and the byte after a closing one must be a delimiter, a line
        # end, or the other quote of an escaped pair.
        neighbours = np.where(opening, data[positions - 1], data[positions + 1])
        self._is_regular = self._is_regular and bool(
            np.isin(neighbours, self._field_boundaries).all()
        )
        self._count += len(positions)
        self._tail = data[-2:].tobytes()

    def is_regular(self) -> bool:
        """Tell whether the quotes of the whole file are regular. Call it at the end of the file.

        Returns:
            Whether they are.
        """
        self.feed(b"\n")
        return self._is_regular and self._count % 2 == 0
