"""Inspection from end to end: the spec, the model, then every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, ModelFacts, Problem, ProblemCode
from dpojob_api.spec import DatasetSource, DPOJobSpec

from .fault import TIE
from .heldout import place
from .layout import Layout
from .model import open_model, read_facts
from .problems import Faults
from .resolve import Resolution, resolve
from .rows import Format, Pair
from .schema import kinds_of, merge
from .source import Source, open_source
from .stream import judged, pieces
from .tokens.config import read_tokenizer_config

Progress = Callable[[int, float], None]
"""Called with the rows done and the share done, 0 to 1, now and then."""


@dataclass
class Reading:
    """What one pass over the rows counted."""

    rows: int = 0
    faults: Faults = field(default_factory=Faults)
    formats: Counter[str] = field(default_factory=Counter)
    implicit: int = 0
    valid: int = 0
    held_out: int = 0


def inspect(
    manifest: DPOJobSpec,
    volumes: Mapping[str, Path],
    *,
    progress: Progress | None = None,
    token: str | None = None,
) -> InspectionReport:
    """The verdict on a job's model and dataset. `volumes` gives each claim a directory.

    Raises CouldNotLook when the model or the dataset is not there or cannot be read.
    """
    files = open_model(manifest.model, volumes, token)
    model = read_facts(files)
    model.chat_template = read_tokenizer_config(files).has_template
    dataset = manifest.dataset
    source = open_source(dataset, volumes, token, dataset.split)
    columns, resolution = _resolve(dataset, source)
    base = InspectionReport(
        valid=False,
        columns=columns,
        problems=resolution.problems,
        suggestion=resolution.suggestion,
        model=model,
        source=source.name,
        revision=source.revision,
        splits=source.splits,
    )
    if resolution.layout is None:
        rows = sum(len(piece.chunk) for piece in pieces(source, []))
        if not columns:
            base.problems.append(
                Problem(code=ProblemCode.EMPTY_DATASET, message=f"{source.name} has no rows.")
            )
        return base.model_copy(update={"rows": rows, "reason": Reason.DATASET_INVALID})
    return _verdict(manifest, source, resolution.layout, model, base, progress)


def _resolve(dataset: DatasetSource, source: Source) -> tuple[list[str], Resolution]:
    """Columns over all files and the layout; more rows are looked at while columns are missing."""
    schema: dict[str, str] = {}
    chosen: list[object] = []
    resolution = Resolution(None)
    for piece in pieces(source):
        merge(schema, kinds_of(piece.chunk))  # type: ignore[arg-type]
        if len(chosen) < 256:
            name = dataset.column_mapping.chosen or "chosen"
            chosen += [row.get(name) for row in piece.chunk.rows(range(min(64, len(piece.chunk))))]
        resolution = resolve(dataset, schema, chosen)  # type: ignore[arg-type]
        if resolution.layout is not None and len(piece.chunk):
            break
    return list(schema), resolution


def _verdict(
    manifest: DPOJobSpec,
    source: Source,
    layout: Layout,
    model: ModelFacts,
    base: InspectionReport,
    progress: Progress | None,
) -> InspectionReport:
    dataset = manifest.dataset
    reading = _read(manifest, source, layout, None, progress)
    if len(reading.formats) > 1:
        # Both formats occur: the rarer one is at fault, which only the whole data can tell.
        majority: Format = (
            "conversational"
            if reading.formats["conversational"] >= reading.formats["standard"]
            else "standard"
        )
        reading = _read(manifest, source, layout, majority, progress)
    form: Format | None = next(iter(reading.formats), None)  # type: ignore[arg-type]
    faults, rows = reading.faults, reading.rows
    drop = dataset.invalid_rows == "Drop"
    problems = [*base.problems, *faults.problems({}, dropped=False)]
    reason: str | None = None
    if rows == 0:
        problems.append(
            Problem(code=ProblemCode.EMPTY_DATASET, message=f"{source.name} has no rows.")
        )
    elif reading.valid == 0 and not faults.invalid:
        problems.append(
            Problem(code=ProblemCode.EMPTY_DATASET, message="every row is a tie; none is left.")
        )
    dropping = drop and 0 < faults.invalid <= dataset.max_dropped_share * rows and reading.valid > 0
    if dropping:
        problems = [*base.problems, *faults.problems({}, dropped=True)]
    if any(problem.severity == "error" for problem in problems):
        reason = Reason.DATASET_INVALID
        if drop and reading.valid > 0 and faults.invalid and not base.problems:
            reason = Reason.TOO_MANY_INVALID_ROWS
    left_out = faults.counts if dropping else {TIE: faults.counts[TIE]}
    dropped = {str(code): count for code, count in left_out.items() if count}
    return base.model_copy(
        update={
            "valid": reason is None,
            "reason": reason,
            "format": form or "unknown",
            "rows": rows,
            "valid_rows": reading.valid,
            "dropped": dropped,
            "dropped_rows": sum(dropped.values()),
            "train_rows": reading.valid - reading.held_out,
            "eval_rows": reading.held_out,
            "mapping": layout.mapping,
            "preset": layout.preset.name,
            "implicit_prompt": reading.implicit > 0,
            "problems": problems,
        }
    )


def _read(
    manifest: DPOJobSpec,
    source: Source,
    layout: Layout,
    expected: Format | None,
    progress: Progress | None,
) -> Reading:
    reading = Reading()
    fraction = manifest.dataset.eval.fraction or 0.0
    done = 0
    total = max(1, source.size)
    for piece in pieces(source, layout.used):
        for number, found in judged(layout, piece, expected):
            if isinstance(found, Pair):
                reading.valid += 1
                reading.formats[found.format] += 1
                reading.implicit += found.implicit
                if fraction and place(found) < fraction:
                    reading.held_out += 1
            else:
                reading.faults.add(found, number)
        reading.rows += len(piece.chunk)
        if progress is not None:
            done = max(done, piece.file.size)
            progress(reading.rows, min(1.0, done / total))
    return reading
