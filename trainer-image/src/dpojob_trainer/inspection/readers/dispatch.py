"""Chooses the reader of a file by its name and its first bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from dpojob_trainer.inspection.sources import COMPRESSIONS, DataFile
from dpojob_trainer.shared.errors import DatasetUnreadable
from dpojob_trainer.shared.rows.row_batch import RowBatch

from .compressed_file import CompressedFile, detect_compression
from .json import read_json
from .json_document import may_begin_document
from .jsonl import read_jsonl

PARQUET = b"PAR1"
ARROW = b"ARROW1"
SNIFFED_BYTES = 4096


def read_file(file: DataFile, columns: Sequence[str] | None = None) -> Iterator[RowBatch]:
    """Read the rows of a file.

    Args:
        file: The local file.
        columns: The columns to read, as far as the file has them; None for all.

    Yields:
        Batches of rows, in order.

    Raises:
        DatasetUnreadable: The file is damaged or does not have the format that its name gives.
    """
    path = file.path
    try:
        if path.stat().st_size == 0:
            raise DatasetUnreadable(f"{file.name} is empty (0 bytes)")
        yield from _read(file.name, path, columns)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, EOFError) as problem:
        raise DatasetUnreadable(f"{file.name} cannot be read: {_first_line(problem)}") from None
    except UnicodeDecodeError:
        raise DatasetUnreadable(
            f"{file.name} is damaged: the name of a column is not UTF-8"
        ) from None
    except pa.ArrowException as problem:
        raise DatasetUnreadable(f"{file.name} cannot be read: {_first_line(problem)}") from None
    except OSError as problem:
        # pyarrow reports damaged data pages and compressed streams as OSError too.
        raise DatasetUnreadable(
            f"{file.name} is damaged or cut short: {_first_line(problem)}; copy it again"
        ) from None


def _read(name: str, path: Path, columns: Sequence[str] | None) -> Iterator[RowBatch]:
    with path.open("rb") as raw:
        head = raw.read(SNIFFED_BYTES)
    if detect_compression(head) is not None:
        with CompressedFile(path) as stream:
            head = stream.read(SNIFFED_BYTES)
    _reject_foreign_formats(name, head)
    format_name = _detect_format(path if path.suffix else Path(name), name, head)
    if format_name in ("parquet", "arrow"):
        # Imported here, since small text files are inspected in less time than this package takes to import.
        from .columnar import read_arrow, read_parquet
    if format_name == "parquet":
        yield from read_parquet(name, path, columns)
    elif format_name == "arrow":
        yield from read_arrow(name, path, columns, head.startswith(ARROW))
    elif format_name in ("csv", "tsv"):
        from .csv import read_csv

        delimiter = "\t" if format_name == "tsv" else ","
        yield from read_csv(name, lambda: CompressedFile(path), columns, delimiter)
    else:
        with CompressedFile(path) as stream:
            if format_name == "json":
                yield from read_json(name, stream, columns)
            else:
                yield from read_jsonl(name, stream, columns)


def _detect_format(path: Path, name: str, head: bytes) -> str:
    lowered = name.lower().split("?")[0]
    for ending in COMPRESSIONS:
        lowered = lowered.removesuffix(ending)
    suffix = Path(lowered).suffix
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith(ARROW):
        return "arrow"
    if suffix in (".parquet", ".arrow", ".feather"):
        if suffix == ".parquet":
            raise DatasetUnreadable(f"{name} is not a Parquet file: it does not begin with PAR1")
        return "arrow"
    if suffix in (".jsonl", ".ndjson"):
        return "json" if may_begin_document(text) else "lines"
    if suffix == ".json":
        return "json"
    if suffix in (".csv", ".tsv"):
        return suffix[1:]
    if text.startswith((b"{", b"[")):
        return "json"
    raise DatasetUnreadable(
        f"{name} is of no known format; DPOJob reads .parquet, .jsonl, .json, .csv, .tsv and .arrow, "
        "also with .gz or .zst"
    )


def _reject_foreign_formats(name: str, head: bytes) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise DatasetUnreadable(
            f"{name} is a web page, not data; a download that needs a login or another address "
            "often ends so"
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DatasetUnreadable(f"{name} is UTF-16 text; save it as UTF-8")
    if head.startswith(b"version https://git-lfs"):
        raise DatasetUnreadable(
            f"{name} is a Git LFS pointer, not the data; fetch the file with git lfs pull"
        )
    if head.startswith(b"PK\x03\x04"):
        raise DatasetUnreadable(f"{name} is a zip archive; unpack it first")


def _first_line(problem: BaseException) -> str:
    text: Any = str(problem).strip().splitlines()
    return (text[0] if text else type(problem).__name__)[:300]
