"""The report: from what was counted to valid or not, with what to do."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, ModelFacts, Problem, ProblemCode, Suggestion
from dpojob_api.spec import DatasetSource, DPOJobSpec
from dpojob_trainer.inspection.columns.column_layout import Layout
from dpojob_trainer.inspection.columns.preset import ColumnKind
from dpojob_trainer.inspection.dataset_scan import Scan
from dpojob_trainer.inspection.statistics import dataset_warnings
from dpojob_trainer.inspection.statistics.context_length import of_context
from dpojob_trainer.inspection.statistics.duplicates import Repeats
from dpojob_trainer.inspection.tokenization.model_context import Subject
from dpojob_trainer.shared.row_error import TIE


@dataclass(frozen=True)
class Scans:
    """Both splits, and what repeats in and between them."""

    train: Scan
    evaluation: Scan | None
    repeats: Repeats

    @property
    def evaluation_kinds(self) -> dict[str, ColumnKind]:
        """The columns of the evaluation split; none where it has no files of its own."""
        return self.evaluation.kinds if self.evaluation else {}

    @property
    def mixed(self) -> bool:
        """Whether both formats occur, so that the rarer one of train is at fault."""
        held = self.evaluation.formats if self.evaluation else ()
        return len({*self.train.formats, *held}) > 1


@dataclass(frozen=True)
class LeftOut:
    """The bad rows of one split: left out under invalidRows: Drop, or at fault."""

    dataset: DatasetSource
    scan: Scan

    @property
    def dropping(self) -> bool:
        """Whether training goes on without them."""
        invalid, limit = self.scan.faults.invalid, self.dataset.max_dropped_share * self.scan.rows
        return self._asked and self.scan.valid > 0 and 0 < invalid <= limit

    @property
    def too_many(self) -> bool:
        """Whether they are more than may be left out."""
        some = self.scan.valid > 0 and self.scan.faults.invalid > 0
        return self._asked and some and not self.dropping

    @property
    def _asked(self) -> bool:
        return self.dataset.invalid_rows == "Drop"

    def counts(self) -> dict[str, int]:
        """Rows left out by code; ties always are."""
        counts = self.scan.faults.counts
        return {
            str(code): count
            for code, count in counts.items()
            if count and (self.dropping or code == TIE)
        }

    def problems(self) -> list[Problem]:
        """What they are at fault for."""
        faults, rows = self.scan.faults, self.scan.rows
        found = faults.problems(self.dropping, self.scan.valid)
        if self.too_many:
            found[0].message = (
                f"{dataset_warnings.share(faults.invalid, rows)} of {rows} are invalid, more than "
                f"maxDroppedShare {self.dataset.max_dropped_share:g} allows. {found[0].message}"
            )
        return found


def verdict(
    manifest: DPOJobSpec,
    base: InspectionReport,
    layout: Layout,
    subject: Subject,
    scans: Scans,
) -> InspectionReport:
    """The whole report; `base` holds what is known of source, columns and model."""
    dataset, train = manifest.dataset, scans.train
    left_out = LeftOut(dataset, train)
    problems = [
        *base.problems,
        *left_out.problems(),
        *_nothing(base, train),
        *of_context(train.lengths, subject.facts),
    ]
    held = LeftOut(dataset, scans.evaluation) if scans.evaluation else None
    if held is not None:
        problems += _of_evaluation(held, dataset.eval.split or "", subject.facts)
    reason: str | None = None
    if any(problem.severity == "error" for problem in problems):
        too_many = left_out.too_many or (held is not None and held.too_many)
        reason = str(Reason.TOO_MANY_INVALID_ROWS if too_many else Reason.DATASET_INVALID)
    lengths = train.lengths.report()
    problems += dataset_warnings.of_lengths(
        train.lengths, lengths, train.long_rows, subject.facts.context_length
    )
    problems += dataset_warnings.of_repeats(
        scans.repeats,
        train.valid,
        scans.evaluation.valid if scans.evaluation else 0,
        dataset.eval.split,
    )
    form = next(iter(train.formats), "unknown")
    problems += subject.advice(form == "conversational")
    dropped = left_out.counts()
    dialect = {} if left_out.dropping else train.faults.dialect(train.valid)
    cut = train.places.cut(dataset.eval.fraction or 0.0)
    eval_rows = scans.evaluation.valid if scans.evaluation else cut.rows
    return base.model_copy(
        update={
            "valid": reason is None,
            "reason": reason,
            "format": form,
            "rows": train.rows,
            "valid_rows": train.valid,
            "dropped": dropped,
            "dropped_rows": sum(dropped.values()),
            "train_rows": train.valid - (0 if scans.evaluation else cut.rows),
            "eval_rows": eval_rows,
            "eval_dropped": held.counts() if held else {},
            "eval_cut": cut.share,
            "columns": list(dict.fromkeys([*base.columns, *train.kinds])),
            "mapping": layout.mapping,
            "preset": layout.preset.name,
            "implicit_prompt": train.implicit > 0,
            "problems": problems,
            "suggestion": _suggestion(base.suggestion, dialect),
            "lengths": lengths,
            "quality": dataset_warnings.quality(train.lengths, scans.repeats),
        }
    )


def _suggestion(known: Suggestion | None, dialect: dict[str, str]) -> Suggestion | None:
    """With what to write under `columnMapping.messages`."""
    if not dialect:
        return known
    columns = known.column_mapping if known else {}
    return Suggestion(column_mapping={**columns, "messages": dialect})


def _nothing(base: InspectionReport, train: Scan) -> list[Problem]:
    """No rows at all, or none left."""
    if train.rows == 0:
        message = f"{base.source} has no rows."
    elif train.valid == 0 and not train.faults.invalid:
        message = "every row is a tie; none is left to train on."
    elif train.valid == 0:
        message = "no row is left to train on."
    else:
        return []
    return [Problem(code=ProblemCode.EMPTY_DATASET, message=message)]


def _of_evaluation(held: LeftOut, split: str, facts: ModelFacts) -> list[Problem]:
    """The evaluation split is held to the same rules."""
    found = [*held.problems(), *of_context(held.scan.lengths, facts)]
    for problem in found:
        problem.split = split
        problem.message = f"in the evaluation split {split!r}: {problem.message}"
    if held.scan.valid == 0 and not found:
        found.append(
            Problem(
                code=ProblemCode.EMPTY_DATASET,
                message=f"the evaluation split {split!r} has no rows.",
            )
        )
    return found
