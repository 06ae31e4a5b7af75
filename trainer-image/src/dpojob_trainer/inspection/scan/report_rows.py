"""The rows that a report names, read again to be shown, and some rows as training sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection.layouts import mapped_names, readable_names, value_at
from dpojob_trainer.inspection.readers import read_numbered_rows
from dpojob_trainer.inspection.report import ReportRows
from dpojob_trainer.inspection.sources import open_source
from dpojob_trainer.inspection.statistics.suspects import redacted_value
from dpojob_trainer.inspection.tokenization import ModelContext, row_tokens
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.row_error import CURATED

from .accepted_rows import accepted_rows

ExampleRows = dict[tuple[str | None, int], Mapping[str, Any]]
"""(split that a problem names, or None for the training split; row number in it) to the row."""
PAGE_EXAMPLE_ROWS = 3
"""Rows read for each problem and each kind of suspects on the page."""
TRAINED_ROWS = 5
"""Rows shown there as training sees them."""
MAX_EXAMPLE_ROW = 1_000_000
"""Rows from this number on are not read for display: reading up to them again takes too long."""


def read_example_rows(
    spec: DPOJobSpec,
    volumes: Mapping[str, Path],
    report: InspectionReport,
    limit: int,
    token: str | None = None,
) -> ExampleRows:
    """Read the first rows that each problem and each kind of suspects in a report names.

    Args:
        spec: The job's spec.
        volumes: The directory at which each claim is mounted.
        report: The report of the job's inspection.
        limit: Rows read for each of them.
        token: A token for the Hugging Face hub.

    Returns:
        The rows with their secrets masked, without those that cannot be read again.
    """
    wanted: dict[str | None, set[int]] = {}
    named = [(problem.split, problem.examples) for problem in report.problems]
    for split, examples in [*named, *((None, group.examples) for group in report.suspects)]:
        numbers = {n for n in examples[:limit] if n < MAX_EXAMPLE_ROW}
        if numbers:
            wanted.setdefault(split, set()).update(numbers)
    mapped = mapped_names(report.mapping)
    columns = readable_names([name for names in mapped.values() for name in names]) or None
    found: ExampleRows = {}
    for split, numbers in wanted.items():
        name = split or spec.dataset.split
        with suppress(InspectionError):
            is_evaluation = split is not None
            source = open_source(spec.dataset, volumes, token, name, evaluation=is_evaluation)
            for number, row in read_numbered_rows(source.fetch(), columns, numbers):
                found[split, number] = redacted_value(row)
    return found


def report_rows(
    spec: DPOJobSpec,
    volumes: Mapping[str, Path],
    report: InspectionReport,
    token: str | None = None,
) -> ReportRows:
    """Read the rows that are shown with a report on a page.

    Args:
        spec: The job's spec.
        volumes: The directory at which each claim is mounted.
        report: The report of the job's inspection.
        token: A token for the Hugging Face hub.

    Returns:
        The rows, with their secrets masked; those that cannot be read again are left out.
    """
    examples = read_example_rows(spec, volumes, report, PAGE_EXAMPLE_ROWS, token)
    names = mapped_names(report.mapping)
    pairs = {
        number: {
            part: [value_at(row, name) for name in names.get(part, ())] for part in PAIR_FIELDS
        }
        for (split, number), row in examples.items()
        if split is None
    }
    trained, has_tokens = [], False
    with suppress(InspectionError):
        model = ModelContext.open(spec.model, volumes, token)
        has_tokens = model.tokenizer is not None
        rows = islice(_trained_rows(spec, volumes, report, token), TRAINED_ROWS)
        pieces = [row_tokens(model, redacted_value(row)) for row in rows]
        trained = [found for found in pieces if found is not None]
    return ReportRows(examples, pairs, trained, has_tokens)


def _trained_rows(
    spec: DPOJobSpec, volumes: Mapping[str, Path], report: InspectionReport, token: str | None
) -> Iterator[dict[str, Any]]:
    """The rows that training reads; none of a large dataset that would have to be compared again first."""
    is_compared = bool(CURATED & set(report.dropped))
    if not report.valid or (is_compared and report.rows > MAX_EXAMPLE_ROW):
        return iter(())
    return accepted_rows(spec, report, volumes, token=token)
