"""Passes over all rows of a dataset: each batch is read, validated, measured and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dpojob_api.report import Mapping as ColumnNames
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection.columns import ObservedColumns
from dpojob_trainer.inspection.layouts import ColumnLayout
from dpojob_trainer.inspection.readers import NumberedBatch, prefetched, read_source, split_batches
from dpojob_trainer.inspection.sources import ContentHash, Source, scratch_directory
from dpojob_trainer.inspection.statistics import (
    DuplicateFinder,
    DuplicateStatistics,
    LengthStatistics,
    SplitStatistics,
    Unit,
)
from dpojob_trainer.inspection.statistics.suspects import Curation, ScoreColumns, SuspectFinder
from dpojob_trainer.inspection.tokenization import LengthCheck, ModelContext
from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.row_error import RowError

ROWS_PER_STEP = 1024
"""Rows between two progress reports where tokens are counted, about a second of work."""

Progress = Callable[[int, int | None], None]
"""Called now and then with the rows done and an estimate of all rows, None while there is none."""


def column_names(layout: ColumnLayout, columns: Iterable[str]) -> ColumnNames:
    """Name the columns that are read; where a row decides the order of answers, no scores are known.

    Args:
        layout: How the dataset's columns are read.
        columns: The dataset's columns.

    Returns:
        The report's mapping, with the columns of both scores.
    """
    swaps = (
        layout.preset.convert is not None and not layout.preset.transcripts
    ) or layout.label is not None
    scores = None if swaps else ScoreColumns.find(columns, layout.columns)
    if scores is None:
        return layout.mapping
    return layout.mapping.model_copy(
        update={"chosen_score": scores.chosen, "rejected_score": scores.rejected}
    )


@dataclass(frozen=True)
class DatasetCounts:
    """What was counted over the dataset."""

    train: SplitStatistics
    evaluation: SplitStatistics | None
    duplicates: DuplicateStatistics
    train_columns: ObservedColumns
    evaluation_columns: ObservedColumns | None
    finder: SuspectFinder | None = None
    """The rows to compare, those that are left out after the comparison included."""

    @property
    def has_mixed_formats(self) -> bool:
        """Whether both formats occur, so that rows of the rarer one of train are errors."""
        evaluation = self.evaluation.formats if self.evaluation else ()
        return len({*self.train.formats, *evaluation}) > 1


@dataclass(frozen=True)
class FirstPass:
    """What the first pass by a layout counted, and by what its rows were validated and measured."""

    counts: DatasetCounts
    validator: BatchValidator
    lengths: LengthCheck | None
    columns: ColumnNames
    curation: Curation


@dataclass(frozen=True)
class DatasetScan:
    """Passes over all rows of both splits."""

    spec: DPOJobSpec
    model: ModelContext
    source: Source
    evaluation: Source | None
    content: ContentHash | None
    progress: Progress | None

    def first_pass(self, layout: ColumnLayout, columns: Iterable[str]) -> FirstPass:
        """Scan all rows by a layout.

        Args:
            layout: How the dataset's columns are read.
            columns: The dataset's columns.

        Returns:
            The counts, and which columns all rows have.

        Raises:
            InspectionError: A file is damaged.
            InexactTokens: The tokens of rows counted so far may be wrong; in another pass they are counted
                exactly.
        """
        lengths = LengthCheck.of(self.spec.training, self.model, accelerated=True)
        validator = BatchValidator(layout, self.model.facts.chat_template)
        names = column_names(layout, columns)
        curation = Curation.of(self.spec.dataset.curate, names)
        counts = self._both_splits(validator, lengths, curation)
        return FirstPass(counts, validator, lengths, names, curation)

    def further_passes(self, first: FirstPass) -> DatasetCounts:
        """Scan the rows again where only the first pass over all of them shows what to leave out.

        When both formats occur there is one more pass, since only all rows tell which is the rarer;
        and one more where a comparison of the rows finds some that `dataset.curate` leaves out.

        Args:
            first: The first pass, by the layout that all rows confirmed.

        Returns:
            The counts of the last pass.

        Raises:
            InspectionError: A file is damaged.
            InexactTokens: As in the first pass.
        """
        counts, validator, curation = first.counts, first.validator, first.curation
        if counts.has_mixed_formats:
            validator = replace(validator, expected_format=counts.train.format)
            curation = Curation.of(self.spec.dataset.curate, first.columns)
            counts = self._both_splits(validator, first.lengths, curation)
        if (last := curation.next_pass()) is not None:
            counts = self._both_splits(validator, first.lengths, last)
        return replace(counts, finder=curation.finder)

    def _both_splits(
        self, validator: BatchValidator, lengths: LengthCheck | None, curation: Curation
    ) -> DatasetCounts:
        unit: Unit = "characters" if lengths is None else "tokens"
        max_length = self.spec.training.max_length
        with DuplicateFinder(scratch_directory()) as finder:
            train = SplitStatistics(LengthStatistics(max_length, unit), finder)
            train_columns = self._train_split(validator, lengths, train, curation)
            if self.evaluation is None:
                return DatasetCounts(train, None, finder.statistics(), train_columns, None)
            held_out = SplitStatistics(LengthStatistics(max_length, unit), finder, True)
            columns = ObservedColumns()
            for batch in _read(self.evaluation, validator, lengths):
                columns.add(batch.rows)
                held_out.add(len(batch.rows), *_validate(batch, validator, lengths))
            return DatasetCounts(train, held_out, finder.statistics(), train_columns, columns)

    def _train_split(
        self,
        validator: BatchValidator,
        lengths: LengthCheck | None,
        statistics: SplitStatistics,
        curation: Curation,
    ) -> ObservedColumns:
        columns = ObservedColumns()
        file = None
        for batch in _read(self.source, validator, lengths, curation.columns):
            if batch.file is not file:
                file = batch.file
                if self.content is not None:
                    self.content.add(file)
            columns.add(batch.rows)
            accepted, errors = _validate(batch, validator, lengths)
            columns.add_transcripts(validator.layout, batch.rows, batch.start, accepted)
            kept, left_out = curation.apply(batch.rows, batch.start, accepted)
            statistics.add(len(batch.rows), kept, errors + left_out)
            self._report_progress(statistics.rows, batch.consumed)
        statistics.unscored = curation.unscored
        return columns

    def _report_progress(self, rows: int, consumed: int) -> None:
        """Report the rows done, with all rows estimated from the bytes that were read."""
        if self.progress is not None:
            total = self.source.stored_bytes
            self.progress(rows, rows * total // consumed if 0 < consumed <= total else None)


def _read(
    source: Source,
    validator: BatchValidator,
    lengths: LengthCheck | None,
    more_columns: Sequence[str] = (),
) -> Iterator[NumberedBatch]:
    """Read the columns that validation needs, and some more, one batch ahead."""
    columns = list(dict.fromkeys([*validator.layout.used, *more_columns]))
    read = prefetched(read_source(source, columns))
    return read if lengths is None else split_batches(read, ROWS_PER_STEP)


def _validate(
    batch: NumberedBatch, validator: BatchValidator, lengths: LengthCheck | None
) -> tuple[list[AcceptedBatch], list[tuple[int, RowError]]]:
    """Validate a batch and, with a tokenizer, count the tokens of its valid rows."""
    rows = validator.validate(batch.rows, batch.start, batch.file.name)
    if lengths is None:
        return rows.accepted(), rows.errors
    measured = lengths.measure(rows.numbers, rows.pairs)
    accepted = AcceptedBatch.of_pairs(measured.numbers, measured.pairs, measured.lengths)
    errors = measured.errors
    if rows.columns is not None:
        columns = rows.columns
        chat = validator.as_conversations or columns.format == "conversational"
        numbers = (columns.positions + batch.start).tolist()
        of_columns = lengths.measure_plain(numbers, columns.plain_pairs(), chat)
        accepted = accepted.merge(
            columns.accepted(batch.start, of_columns.kept, of_columns.lengths)
        )
        errors = sorted([*errors, *of_columns.errors], key=lambda error: error[0])
    return [accepted], rows.errors + errors
