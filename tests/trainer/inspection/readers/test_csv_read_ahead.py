"""What pyarrow reads ahead of a CSV file ends before the file is closed."""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path

import pytest
from tests.kit.waiting import LIMIT, wait_until

from dpojob_trainer.inspection.readers import csv as reading
from dpojob_trainer.inspection.readers.compressed_file import CompressedFile


class Slow(CompressedFile):
    """A file whose reads take a while; remembers those that its closing met."""

    met: list[str]

    def __init__(self, path: Path, met: list[str]) -> None:
        super().__init__(path)
        self.met, self._busy, self._shut = met, False, False

    def read(self, size: int) -> bytes:
        if self._shut:
            self.met.append("read after the closing")
            return b""
        self._busy = True
        time.sleep(0.01)
        piece = super().read(size)
        self._busy = False
        return piece

    def __exit__(self, *exc: object) -> None:
        if self._busy:
            self.met.append("closed in a read")
        self._shut = True
        super().__exit__(*exc)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """6,001 rows, of which one fits no block."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(reading, "PROBED_BYTES", 1 << 12)
    plain = "".join(f"p{i},yes,no {'x' * 90}\n" for i in range(3_000))
    path = tmp_path / "train.csv"
    path.write_text(f"prompt,chosen,rejected\n{plain}p,{'x' * (1 << 18)},no\n{plain}")
    return path


def test_a_row_that_fits_no_block(many: Path) -> None:
    met: list[str] = []
    batches = reading.read_csv("train.csv", lambda: Slow(many, met), None, ",")
    assert sum(len(batch) for batch in batches) == 6_001
    assert not met


class Lingering(Slow):
    """Its reads from the fifth on go on until the file is closed, or for a moment."""

    def __init__(self, path: Path, met: list[str], lingers: threading.Event) -> None:
        super().__init__(path, met)
        self._reads, self._lingers, self._closing = 0, lingers, threading.Event()

    def read(self, size: int) -> bytes:
        self._reads += 1
        self._busy = True
        if self._reads > 4:
            self._lingers.set()
            self._closing.wait(0.5)
        return super().read(size)

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        super().__exit__(*exc)


def test_a_reader_that_is_left_early(many: Path) -> None:
    met: list[str] = []
    lingers = threading.Event()
    files: list[weakref.ref[Lingering]] = []

    def opened() -> Lingering:
        file = Lingering(many, met, lingers)
        files.append(weakref.ref(file))
        return file

    batches = reading.read_csv("train.csv", opened, None, ",")
    next(iter(batches))
    assert lingers.wait(LIMIT)
    batches.close()  # type: ignore[attr-defined]
    wait_until(lambda: not any(file() for file in files), "pyarrow holds the file no more")
    assert not met
