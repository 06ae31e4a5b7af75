"""`dataset.curate` leaves rows out of training, counted, and within maxDroppedShare."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.random_pairs import PLAIN, SECRETS, pair
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_api.job import DatasetStatus
from dpojob_api.report import InspectionReport
from dpojob_trainer.inspection import accepted_rows, summary

NEAR = {**PLAIN[7], "rejected": PLAIN[7]["rejected"] + " ok"}
REFUSED = {**pair(99), "chosen": "I'm sorry, but I can't help with that."}
LEAKED = {**pair(98), "chosen": f"use {SECRETS['AWS access key']} here"}


def trained(volume, dataset: dict[str, Any], report: InspectionReport) -> list[dict[str, Any]]:
    """The rows of both splits, by the report as the operator's status keeps it."""
    kept = DatasetStatus.model_validate(summary(report, 4096)).wire()
    kept.pop("suggestion", None)
    read = InspectionReport.model_validate(kept)
    spec = spec_of(dataset)
    rows = {
        split: list(accepted_rows(spec, read, volume.volumes, split=split))
        for split in ("train", "eval")
    }
    assert (len(rows["train"]), len(rows["eval"])) == (report.train_rows, report.eval_rows)
    return rows["train"] + rows["eval"]


def test_nothing_is_left_out_by_default(volume) -> None:
    rows = [*PLAIN, NEAR, REFUSED]
    report = volume.rows(rows).inspect()
    assert report.suspects and report.dropped == {}
    assert len(trained(volume, {}, report)) == 62


@pytest.mark.parametrize(
    ("curate", "left_out", "dropped"),
    [
        ({"nearDuplicates": "Drop"}, [NEAR], {"NearDuplicate": 1}),
        ({"suspects": "Drop"}, [REFUSED, LEAKED], {"SwappedPair": 1, "Secret": 1}),
        (
            {"nearDuplicates": "Drop", "suspects": "Drop"},
            [NEAR, REFUSED, LEAKED],
            {"NearDuplicate": 1, "SwappedPair": 1, "Secret": 1},
        ),
    ],
)
def test_suspects_are_left_out_where_the_job_says_so(volume, curate, left_out, dropped) -> None:
    rows = [REFUSED, *PLAIN, NEAR, LEAKED]
    dataset = {"curate": curate, "eval": {"fraction": 0.1}}
    report = volume.rows(rows).inspect(dataset)
    assert report.valid, report.problems
    assert report.dropped == dropped
    (problem,) = (problem for problem in report.warnings if problem.code == "CuratedRows")
    assert problem.rows == len(left_out)
    assert problem.examples == [rows.index(row) for row in rows if row in left_out]
    assert report.suspects, "what was left out is still reported"
    found = trained(volume, dataset, report)
    expected = [row["prompt"] for row in rows if row not in left_out]
    assert sorted(row["prompt"] for row in found) == sorted(expected)


def test_pairs_whose_scores_are_close_are_left_out(volume) -> None:
    scores = [(5, 1), (5, 4.5), (3, 3), (None, 1), (2, 5)]
    rows = [
        {**row, "score_chosen": high, "score_rejected": low}
        for row, (high, low) in zip(PLAIN, scores, strict=False)
    ]
    dataset = {
        "curate": {"minMargin": 1},
        "maxDroppedShare": 0.6,
        "eval": {"fraction": 0},
        "preset": "none",
    }
    report = volume.rows(rows).inspect(dataset)
    assert report.valid and report.dropped == {"LowMargin": 3}
    assert [row["prompt"] for row in trained(volume, dataset, report)] == [
        rows[at]["prompt"] for at in (0, 3)
    ]


def test_rows_without_scores_stay_and_are_counted(volume) -> None:
    scores = [(5, 1), (None, 1), (5, "high"), ("4.5", 1)]
    rows = [
        {**row, "score_chosen": high, "score_rejected": low}
        for row, (high, low) in zip(PLAIN, scores, strict=False)
    ]
    report = volume.rows(rows).inspect({"curate": {"minMargin": 1}, "preset": "none"})
    assert report.valid and report.dropped == {}
    (problem,) = (problem for problem in report.warnings if problem.code == "CuratedRows")
    assert problem.rows == 2 and "'score_chosen' or 'score_rejected'" in problem.message


@pytest.mark.parametrize("score", [None, "high"])
def test_a_margin_of_columns_without_a_number_is_refused(volume, score) -> None:
    rows = [{**row, "score_chosen": score, "score_rejected": 1} for row in PLAIN]
    report = volume.rows(rows).inspect({"curate": {"minMargin": 1}, "preset": "none"})
    assert codes(report) == {"MissingColumn": 0}
    assert "no number in any row" in report.errors[0].message
    assert volume.inspect({"preset": "none"}).valid


def test_more_than_max_dropped_share_fails(volume) -> None:
    dataset = {"curate": {"nearDuplicates": "Drop"}, "maxDroppedShare": 0.02}
    report = volume.rows([*PLAIN, NEAR, PLAIN[1]]).inspect(dataset)
    assert codes(report) == {"CuratedRows": 2}
    assert report.reason == "TooManyInvalidRows"
    assert "more than maxDroppedShare 0.02" in report.errors[0].message


def test_invalid_rows_count_for_the_same_limit(volume) -> None:
    rows = [*PLAIN[:20], PLAIN[1], {**PLAIN[0], "chosen": None}]
    dataset = {"curate": {"nearDuplicates": "Drop"}, "invalidRows": "Drop", "maxDroppedShare": 0.06}
    assert not volume.rows(rows).inspect(dataset).valid
    assert volume.inspect({**dataset, "maxDroppedShare": 0.1}).valid


def test_a_margin_without_scores_is_refused(volume) -> None:
    report = volume.rows(PLAIN).inspect({"curate": {"minMargin": 1}})
    assert codes(report) == {"MissingColumn": 0}
    assert "score_chosen" in report.errors[0].message
