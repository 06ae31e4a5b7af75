"""Drop, the evaluation split, repeats, lengths and the output directory, over whole datasets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_api.report import InspectionReport, ModelFacts, Problem, ProblemCode, SuspectKind
from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect, summary
from dpojob_trainer.shared.termination_message import encode

ROWS = [
    {"prompt": f"question {i}", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(400)
]
BAD = [
    {**ROWS[3], "chosen": None}, {**ROWS[3], "rejected": ""}, {**ROWS[3], "rejected": ROWS[3]["chosen"]},
]  # fmt: skip


def rows_of(volume, spec, report, split="train"):
    return list(accepted_rows(spec, report, volume.volumes, split=split))


def test_drop_trains_on_the_rest(volume) -> None:
    volume.rows([*ROWS, *BAD])
    assert not volume.inspect().valid
    dataset = {"invalidRows": "Drop"}
    report = volume.inspect(dataset)
    assert report.valid and report.errors == []
    assert report.dropped == {"NullValue": 1, "EmptyText": 1, "IdenticalPair": 1}
    assert (report.rows, report.valid_rows, report.dropped_rows) == (403, 400, 3)
    spec = spec_of(dataset)
    train, held = rows_of(volume, spec, report), rows_of(volume, spec, report, "eval")
    assert (len(train), len(held)) == (report.train_rows, report.eval_rows)
    assert sorted(row["prompt"] for row in train + held) == sorted(row["prompt"] for row in ROWS)


def test_too_many_bad_rows_fail_all_the_same(volume) -> None:
    report = volume.rows([*ROWS[:9], *BAD]).inspect({"invalidRows": "Drop", "maxDroppedShare": 0.2})
    assert not report.valid and report.reason == "TooManyInvalidRows"
    assert (
        "3 rows (25.0%) of 12 are invalid, more than maxDroppedShare 0.2"
        in report.errors[0].message
    )
    with pytest.raises(InspectionError):
        rows_of(volume, spec_of(), report)


@pytest.mark.parametrize("fraction", [0, 0.02, 0.1, 0.5])
def test_the_share_held_out(volume, fraction: float) -> None:
    dataset = {"eval": {"fraction": fraction}}
    volume.rows(ROWS)
    report = volume.inspect(dataset)
    assert report.eval_rows == fraction * 400
    assert report.train_rows + report.eval_rows == 400
    spec = spec_of(dataset)
    train, held = rows_of(volume, spec, report), rows_of(volume, spec, report, "eval")
    assert (len(train), len(held)) == (report.train_rows, report.eval_rows)
    assert not {row["prompt"] for row in train} & {row["prompt"] for row in held}


def test_rows_of_one_prompt_stay_together(volume) -> None:
    rows = [{**row, "prompt": f"  Question {i % 40}"} for i, row in enumerate(ROWS[:200])]
    rows += [{**row, "prompt": f"question {i % 40}\n"} for i, row in enumerate(ROWS[200:])]
    dataset = {"eval": {"fraction": 0.2}}
    report = volume.rows(rows).inspect(dataset)
    spec = spec_of(dataset)
    held = {row["prompt"].strip().lower() for row in rows_of(volume, spec, report, "eval")}
    train = {row["prompt"].strip().lower() for row in rows_of(volume, spec, report)}
    assert len(held) == 8 and not held & train


def test_one_prompt_for_all_holds_nothing_out(volume) -> None:
    report = volume.rows([{**row, "prompt": "same"} for row in ROWS]).inspect()
    assert (report.train_rows, report.eval_rows) == (400, 0)


def test_the_report_survives_the_operators_status(volume) -> None:
    """The operator hands the trainer what it kept in status, not the report itself."""
    from dpojob_api.job import DatasetStatus

    volume.rows(ROWS)
    report = volume.inspect({"eval": {"fraction": 0.1}})
    kept = DatasetStatus.model_validate(summary(report, 4096)).wire()
    kept.pop("suggestion", None)
    again = InspectionReport.model_validate(kept).model_copy(update={"model": report.model})
    spec = spec_of({"eval": {"fraction": 0.1}})
    assert rows_of(volume, spec, again, "eval") == rows_of(volume, spec, report, "eval")
    assert len(rows_of(volume, spec, again)) == report.train_rows


def test_repeats(volume) -> None:
    again = {**ROWS[0]}
    loose = {**ROWS[1], "prompt": "  QUESTION  1", "chosen": "Yes 1"}
    turned = {**ROWS[2], "chosen": ROWS[2]["rejected"], "rejected": ROWS[2]["chosen"]}
    report = volume.rows([*ROWS, again, loose, turned]).inspect()
    assert report.valid
    assert report.quality.duplicate_rows == 2
    assert report.quality.contradictory_pairs == 1
    found = {problem.code: problem for problem in report.warnings}
    assert found["DuplicateRow"].examples == [400, 401]
    assert "1 of them up to case and white space" in found["DuplicateRow"].message
    assert found["ContradictoryPair"].rows == 1 and found["ContradictoryPair"].examples in (
        [2],
        [402],
    )


def test_a_split_of_its_own(volume) -> None:
    volume.rows(ROWS[:100]).rows([*ROWS[90:110], {**ROWS[0], "chosen": ""}], name="test.jsonl")
    dataset = {"eval": {"split": "test"}}
    report = volume.inspect(dataset)
    assert not report.valid
    assert report.errors[0].message.startswith(
        "in the evaluation split 'test': 1 row: 'chosen' is empty"
    )
    report = volume.inspect({**dataset, "invalidRows": "Drop"})
    assert report.valid and (report.train_rows, report.eval_rows) == (100, 20)
    assert report.quality.eval_overlap == 10
    spec = spec_of({**dataset, "invalidRows": "Drop"})
    assert len(rows_of(volume, spec, report)) == 100
    assert len(rows_of(volume, spec, report, "eval")) == 20


def test_a_split_that_is_not_there(volume) -> None:
    volume.rows(ROWS[:5])
    with pytest.raises(
        InspectionError,
        match=r"no files of the split 'test'; its splits: train. Write dataset.eval: {fraction",
    ):
        volume.inspect({"eval": {"split": "test"}})


def test_a_named_split_is_offered(volume) -> None:
    volume.rows(ROWS[:5], "train_prefs.jsonl").rows(ROWS[:5], "test_prefs.jsonl")
    with pytest.raises(
        InspectionError, match=r"test_prefs, train_prefs. Write dataset.split: train_prefs"
    ):
        volume.inspect()
    report = volume.inspect({"split": "train_prefs", "eval": {"split": "test_prefs"}})
    assert report.valid


def test_length_bias(volume) -> None:
    rows = [{**row, "chosen": row["chosen"] + " and more"} for row in ROWS]
    report = volume.rows(rows).inspect()
    assert report.quality.chosen_longer_share == 1.0
    assert any(problem.code == "LengthBias" for problem in report.warnings)


def test_percentiles_are_exact(volume) -> None:
    rows = [{"prompt": "p" * (i + 1), "chosen": "a", "rejected": "bb"} for i in range(100)]
    lengths = volume.rows(rows).inspect().lengths
    assert (lengths.prompt.p50, lengths.prompt.p95, lengths.prompt.p99, lengths.prompt.max) == (
        50,
        95,
        99,
        100,
    )
    # 97 and 101 characters, of which 4 count as a token of maxLength.
    assert (lengths.max_length_for_95, lengths.max_length_for_99) == (25, 26)
    assert lengths.prompt.mean == 50.5
    assert lengths.unit == "characters"


def test_a_reserved_column(volume) -> None:
    report = volume.rows([{**row, "images": ["a kettle"]} for row in ROWS[:3]]).inspect()
    assert codes(report) == {"ReservedColumn": 0}


def test_other_names_inside_messages_get_what_to_write(volume) -> None:
    def turns(text: str) -> list[dict[str, str]]:
        return [{"from": "human", "value": "q"}, {"from": "gpt", "value": text}]

    volume.rows([{"chosen": turns("yes"), "rejected": turns("no")}] * 2)
    report = volume.inspect()
    phrase = "messages: {role: from, content: value, user: human, assistant: gpt}"
    assert phrase in report.errors[0].message
    message_keys = {"role": "from", "content": "value", "user": "human", "assistant": "gpt"}
    assert volume.inspect({"columnMapping": {"messages": message_keys}}).valid


OUTPUT = {"output": {"volume": {"claimName": "data", "path": "out"}}}


def test_an_output_that_is_another_jobs(volume) -> None:
    volume.rows(ROWS[:5])
    spec = spec_of(**OUTPUT)
    assert inspect(spec, volume.volumes, uid="1").valid
    out = Path(volume.root) / "out"
    out.mkdir()
    (out / "config.json").write_text("{}")
    with pytest.raises(
        InspectionError, match="already holds a model that is not this job's"
    ) as caught:
        inspect(spec, volume.volumes, uid="1")
    assert caught.value.reason == "OutputOccupied"
    (out / "lineage.json").write_text(json.dumps({"uid": "2", "job": "other"}))
    with pytest.raises(InspectionError, match="of the job 'other'"):
        inspect(spec, volume.volumes, uid="1")
    (out / "lineage.json").write_text(json.dumps({"uid": "1", "job": "mine"}))
    assert inspect(spec, volume.volumes, uid="1").valid


def test_the_summary_fits_whatever_the_report_holds() -> None:
    report = InspectionReport(
        valid=False,
        columns=["c" * 250] * 500,
        splits=["s" * 90] * 100,
        source="/".join(["x" * 300] * 3),
        problems=[
            Problem(code=code, rows=10**9, examples=list(range(10)), message="é" * 900)
            for code in ProblemCode
        ],
        dropped={str(code): 10**9 for code in ProblemCode},
        error="w" * 9000,
    )
    for limit in (4096, 3000):
        found = summary(report, limit)
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
        assert len(text) <= limit
        assert found["valid"] is False and found["dropped"] and found["problems"]
    assert summary(InspectionReport(valid=True), 4096)["valid"] is True


def test_counts_of_suspects_stay_where_their_examples_do_not_fit() -> None:
    suspects = [
        {"kind": kind, "rows": 10**6, "examples": list(range(10)), "message": "é" * 600}
        for kind in SuspectKind
    ]
    report = InspectionReport.model_validate({"valid": True, "suspects": suspects})
    kept = summary(report, 4096)
    assert [(group["kind"], group["rows"]) for group in kept["suspects"]] == [
        (str(kind), 10**6) for kind in SuspectKind
    ]
    assert not any(group["message"] or group["examples"] for group in kept["suspects"])


def test_a_long_architecture_leaves_the_validity() -> None:
    model = ModelFacts(parameters=5, architecture="A" * 5000, dtype="bfloat16")
    kept = summary(InspectionReport(valid=True, rows=9, model=model), 4096)
    assert (kept["valid"], kept["rows"]) == (True, 9)
    assert (kept["model"]["parameters"], kept["model"]["dtype"]) == (5, "bfloat16")
    assert len(kept["model"]["architecture"]) == 100


def test_a_mapping_that_does_not_fit_is_refused() -> None:
    """Training reads rows by the mapping, so a name that was cut would read another column."""
    mapping = {"prompt": "长" * 900, "chosen": "选" * 900}
    report = InspectionReport.model_validate({"valid": True, "rows": 9, "mapping": mapping})
    kept = summary(report, 4096)
    assert (kept["valid"], kept["rows"]) == (False, 9)
    assert "too long" in kept["error"]


ANY_TEXT = st.text(st.characters(), max_size=3000)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ANY_TEXT, min_size=10, max_size=10), valid=st.booleans())
def test_any_summary_fits_and_holds_the_validity(texts: list[str], valid: bool) -> None:
    names = ("architecture", "modelType", "dtype", "baseModel", "source", "revision", "fingerprint")
    model = {"parameters": 5, **dict(zip(names, texts, strict=False))}
    report = InspectionReport.model_validate(
        {
            "valid": valid, "rows": 9, "columns": texts, "model": model, "source": texts[7],
            "error": texts[8] or None, "reason": texts[9], "mapping": {"chosen": texts[9]},
            "problems": [{"code": "NullValue", "message": text} for text in texts],
        }
    )  # fmt: skip
    text = encode(summary(report))
    assert len(text) <= 4096
    read = InspectionReport.model_validate_json(text)
    assert read.rows == 9
    assert not read.valid or valid
    assert read.valid == valid or read.error is not None
    assert text.startswith(b'{"valid":')
