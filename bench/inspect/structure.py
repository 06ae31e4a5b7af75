"""How fast rows are checked without tokens, beside pyarrow reading the same columns of the same file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.json as pa_json
import pyarrow.parquet as pq
from bench.pages import table

from .pairs import compared, in_parts, instructed, transcript, write
from .rounds import best

if TYPE_CHECKING:
    from dpojob_trainer.inspection.layouts import ColumnLayout
    from dpojob_trainer.inspection.validation import ValidatedRows

HEADER = [
    "rows", "pyarrow/s", "checks/s", "with repeats and lengths/s", "CPU: checks to pyarrow",
    "CPU: all to pyarrow",
]  # fmt: skip


def read_with_pyarrow(path: Path) -> int:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            return sum(batch.num_rows for batch in file.iter_batches())
    with pa_json.open_json(path) as reader:
        return sum(batch.num_rows for batch in reader)


def native(conversational: bool) -> ColumnLayout:
    from dpojob_trainer.inspection.layouts import ColumnLayout

    names = ["chosen", "rejected"] if conversational else ["prompt", "chosen", "rejected"]
    return ColumnLayout({name: name for name in names})


def validate(path: Path, layout: ColumnLayout) -> int:
    """Validate the structure of every row, and no more."""
    return sum(rows.valid_count for rows in validated(path, layout))


def validate_and_count(path: Path, layout: ColumnLayout) -> int:
    """The same, with duplicates, evaluation split and lengths in characters."""
    from dpojob_trainer.inspection.statistics import (
        DuplicateFinder,
        LengthStatistics,
        SplitStatistics,
    )

    with DuplicateFinder(path.parent) as finder:
        statistics = SplitStatistics(LengthStatistics(1024, "characters"), finder)
        for rows in validated(path, layout):
            statistics.add(rows.valid_count, rows.accepted(), [])
        finder.statistics()
    return statistics.valid


def validated(path: Path, layout: ColumnLayout) -> Iterator[ValidatedRows]:
    from dpojob_trainer.inspection.readers import prefetched, read_source
    from dpojob_trainer.inspection.sources import DataFile, Source
    from dpojob_trainer.inspection.validation import BatchValidator

    source = Source("bench", [DataFile(path.name, path, path.stat().st_size)])
    validator = BatchValidator(layout, as_conversations=True)
    for batch in prefetched(read_source(source, layout.used)):
        rows = validator.validate(batch.rows, batch.start, batch.file.name)
        assert not rows.errors
        yield rows


def _line(name: str, path: Path, layout: ColumnLayout, rounds: int) -> list[str]:
    sides = [partial(read_with_pyarrow, path), partial(validate, path, layout)]
    read, checked, counted = best([*sides, partial(validate_and_count, path, layout)], rounds)
    rates = [f"{side.rate:,.0f}" for side in (read, checked, counted)]
    return [name, *rates, f"{checked.cpu / read.cpu:.2f}", f"{counted.cpu / read.cpu:.2f}"]


def measure_structure(directory: Path, rows: int, rounds: int) -> list[str]:
    """A table of the layouts that need no preset."""
    lines = []
    for suffix in ("parquet", "jsonl"):
        for conversational in (False, True):
            name = "conversational" if conversational else "standard"
            path = write(directory / f"{name}.{suffix}", rows, conversational)
            lines.append(_line(f"{suffix}, {name}", path, native(conversational), rounds))
    return [f"{rows:,} rows of about 1 kB.", "", *table(HEADER, lines)]


def measure_presets(directory: Path, rows: int, rounds: int) -> list[str]:
    """The same for Parquet files of known layouts, whose rates lie between, and for text parts."""
    from dpojob_trainer.inspection.layouts import ColumnLayout, preset_by_name

    lines = []
    for name, make in (
        ("orca", instructed), ("text parts", in_parts), ("helpsteer3", compared),
        ("hh-rlhf", transcript),
    ):  # fmt: skip
        random_numbers = random.Random(rows)
        path = directory / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist([make(random_numbers) for _ in range(rows)]), path)
        preset = preset_by_name(name)
        layout = native(True) if preset is None else ColumnLayout(preset.columns, preset=preset)
        lines.append(_line(f"parquet, {name}", path, layout, rounds))
    return table(HEADER, lines)
