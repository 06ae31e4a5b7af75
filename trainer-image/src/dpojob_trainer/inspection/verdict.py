"""The report: from what was counted to valid or not, with what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dpojob_api.conditions import Reason
from dpojob_api.report import InspectionReport, Problem, ProblemCode, Suggestion
from dpojob_api.spec import DPOJobSpec

from . import findings
from .fault import TIE
from .layout import Layout
from .quality.repeats import Repeats
from .scan import Scan
from .subject import Subject


@dataclass(frozen=True)
class Scans:
    """Both splits, and what repeats in and between them."""

    train: Scan
    evaluation: Scan | None
    repeats: Repeats

    @property
    def mixed(self) -> bool:
        """Whether both formats occur, so that the rarer one of train is at fault."""
        held = self.evaluation.formats if self.evaluation else ()
        return len({*self.train.formats, *held}) > 1


def verdict(
    manifest: DPOJobSpec,
    base: InspectionReport,
    layout: Layout,
    subject: Subject,
    scans: Scans,
) -> InspectionReport:
    """The whole report; `base` holds what is known of source, columns and model."""
    dataset, train = manifest.dataset, scans.train
    faults = train.faults
    drop = dataset.invalid_rows == "Drop"
    dropping = drop and 0 < faults.invalid <= dataset.max_dropped_share * train.rows
    problems = [*base.problems, *faults.problems(dropping, train.valid), *_nothing(base, train)]
    if scans.evaluation is not None:
        problems += _of_evaluation(scans.evaluation, dataset.eval.split or "", drop)
    errors = [problem for problem in problems if problem.severity == "error"]
    reason: str | None = None
    if errors:
        too_many = drop and not dropping and train.valid and faults.invalid
        reason = str(Reason.TOO_MANY_INVALID_ROWS if too_many else Reason.DATASET_INVALID)
        if too_many:
            errors[0].message = _too_many(faults.invalid, train.rows, dataset.max_dropped_share) + (
                errors[0].message
            )
    lengths = train.lengths.report()
    problems += findings.of_lengths(
        train.lengths, lengths, train.long_rows, subject.facts.context_length
    )
    problems += findings.of_repeats(
        scans.repeats,
        train.valid,
        scans.evaluation.valid if scans.evaluation else 0,
        dataset.eval.split,
    )
    form = next(iter(train.formats), "unknown")
    problems += subject.advice(form == "conversational")
    left_out = faults.counts if dropping else Counter({TIE: faults.counts[TIE]})
    dropped = {str(code): count for code, count in left_out.items() if count}
    dialect = {} if dropping else faults.dialect(train.valid)
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
            "eval_cut": cut.share,
            "columns": list(dict.fromkeys([*base.columns, *train.kinds])),
            "mapping": layout.mapping,
            "preset": layout.preset.name,
            "implicit_prompt": train.implicit > 0,
            "problems": problems,
            "suggestion": Suggestion(column_mapping={"messages": dialect}) if dialect else None,
            "lengths": lengths,
            "quality": findings.quality(train.lengths, scans.repeats),
        }
    )


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


def _too_many(invalid: int, rows: int, limit: float) -> str:
    return (
        f"{findings.share(invalid, rows)} of {rows} are invalid, more than maxDroppedShare {limit:g} "
        "allows. "
    )


def _of_evaluation(scan: Scan, split: str, drop: bool) -> list[Problem]:
    """The evaluation split is held to the same rules."""
    found = scan.faults.problems(drop and scan.valid > 0, scan.valid)
    for problem in found:
        problem.split = split
        problem.message = f"in the evaluation split {split!r}: {problem.message}"
    if scan.valid == 0 and not found:
        found.append(
            Problem(
                code=ProblemCode.EMPTY_DATASET,
                message=f"the evaluation split {split!r} has no rows.",
            )
        )
    return found
