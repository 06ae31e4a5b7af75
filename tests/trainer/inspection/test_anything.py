"""Whatever the rows are, inspection ends with a report or an error of one sentence, and accepts what it suggests."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.row_strategies import conversations
from tests.kit.inspection.tokenizer_models import TRIMS, make_model
from tests.kit.inspection.volume_fixture import make_bare_model, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect, summary

NAMES = [
    "prompt",
    "chosen",
    "rejected",
    "question",
    "system",
    "tools",
    "messages",
    "images",
    "score",
]
text = st.one_of(
    st.sampled_from(
        ["", " ", "yes", "no", "why?", "\n\nHuman: a\n\nAssistant: b", "\ud800", "2020-01-01", "\0"]
    ),
    st.text(max_size=8),
)
message = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": text}
    ),
    st.dictionaries(
        st.sampled_from(["role", "content", "from", "value", "tool_calls", "name"]), text
    ),
    st.none(),
)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.floats(allow_nan=False, allow_infinity=False),
        text,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(text, inner, max_size=3),
        st.lists(message, max_size=3),
    ),
    max_leaves=6,
)
answer = st.builds(lambda content: [{"role": "assistant", "content": content}], text)
value = st.one_of(text, answer, st.lists(message, max_size=3), anything)
rows = st.lists(
    st.one_of(
        st.dictionaries(st.one_of(st.sampled_from(NAMES), text), value, max_size=6),
        st.fixed_dictionaries({"prompt": text, "chosen": text, "rejected": text}),
        st.fixed_dictionaries({"prompt": text, "chosen": answer, "rejected": answer}),
        st.fixed_dictionaries({"chosen": value, "rejected": value}),
        conversations,
        st.builds(
            lambda row, key, more: {**row, key: more}, conversations, st.sampled_from(NAMES), value
        ),
    ),
    max_size=6,
)
datasets = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(
            ["auto", "none", "orca", "hh-rlhf", "helpsteer3", "ultrafeedback-binarized"]
        ),
        "invalidRows": st.just("Drop"),
        "maxDroppedShare": st.sampled_from([0, 0.5, 1]),
        "eval": st.sampled_from([{"fraction": 0}, {"fraction": 0.5}, {"split": "test"}]),
        "columnMapping": st.dictionaries(
            st.sampled_from(["prompt", "chosen", "rejected", "system", "tools"]),
            st.sampled_from(NAMES),
        ),
    },
)


def _write(directory: Path, stem: str, content: list[dict[str, Any]], form: str) -> None:
    if form == "parquet":
        try:
            pq.write_table(pa.Table.from_pylist(content), directory / f"{stem}.parquet")
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, ValueError, TypeError):
            form = "jsonl"
    if form == "json":
        (directory / f"{stem}.json").write_text(json.dumps(content))
    if form == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in content)
        (directory / f"{stem}.jsonl").write_text(text)


forms = st.sampled_from(["jsonl", "json", "parquet"])
files = st.dictionaries(
    st.sampled_from(["train-0", "train-1", "test"]), st.tuples(rows, forms), min_size=1
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(files, datasets, st.booleans())
def test_inspection_never_raises_anything_else(content, dataset, counted) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        if counted:
            make_model(root / "model", TRIMS)
        else:
            make_bare_model(root / "model")
        (root / "pairs").mkdir()
        for stem, (few, form) in content.items():
            _write(root / "pairs", stem, few, form)
        spec = spec_of(dataset)
        try:
            report = inspect(spec, {"data": root})
        except InspectionError as problem:
            assert problem.message and problem.reason in ("DatasetUnreadable", "DatasetNotFound")
            return
        compact = json.dumps(summary(report, 4096), ensure_ascii=False, separators=(",", ":"))
        assert len(compact.encode()) <= 4096
        assert report.valid == (not report.errors)
        assert report.valid or report.reason
        if not report.valid:
            assert all(problem.message for problem in report.errors)
            return
        volumes = {"data": root}
        train = list(accepted_rows(spec, report, volumes))
        held = list(accepted_rows(spec, report, volumes, split="eval"))
        assert (len(train), len(held)) == (report.train_rows, report.eval_rows)
        assert report.valid_rows + report.dropped_rows == report.rows
        for row in train + held:
            _is_sound(row, "conversational" if counted else report.format)


def _is_sound(row: dict[str, Any], form: str) -> None:
    assert row["chosen"] != row["rejected"]
    for part in ("prompt", "chosen", "rejected"):
        assert isinstance(row[part], list if form == "conversational" else str)
        if isinstance(row[part], str):
            assert row[part].strip()
        else:
            assert all(
                turn["role"] in ("user", "assistant", "system", "tool", "developer")
                for turn in row[part]
            )
            assert row[part][-1]["role"] == "assistant" or part == "prompt"
    json.dumps(row).encode()
