"""Datasets for other methods are refused by their own name, whatever their columns are called."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.kit.inspection.dataset_layouts import filled

ROWS = 12
TALK = [{"role": "user", "content": "q {}"}, {"role": "assistant", "content": "a {}"}]
IMAGE = {"bytes": b"\x89PNG", "path": "{}.png"}
PAIR = {"prompt": "What is shown in {}?", "chosen": "a cat {}", "rejected": "a dog {}"}

KTO = [
    {"prompt": "q {}", "completion": "a {}", "label": True},
    {"question": "q {}", "answer": "a {}", "is_good": 1},
    {"prompt": "q {}", "response": "a {}", "chosen": True},
    {"instruction": "q {}", "output": "a {}", "feedback": "thumbs_up", "output_model": "m {}"},
    {"messages": TALK, "kto_tag": False},
    {"text": "q {} a {}", "label": 0},
]
SFT = [
    {"instruction": "q {}", "input": "", "output": "a {}"},
    {"prompt": "q {}", "messages": TALK},
    {"user": "q {}", "assistant": "a {}"},
    {"dialogue": "q {}", "summary": "a {}"},
    {"source": "q {}", "target": "a {}"},
    {"text": "q {} a {}"},
]
REWARD_MODEL = [
    {"text": "q {} a {}", "score": 0.5},
    {"prompt": "q {}", "response": "a {}", "helpfulness": 3, "correctness": 2},
    {"conversations": TALK, "reward": 1.25},
    {"content": "q {} a {}", "quality_score": 7},
    {"question": "q {}", "answer": "a {}", "answer_source": "web {}", "stars": 4},
    {"text": "q {} a {}", "label": 0.25},
    {"transcript": "\n\nHuman: q {}\n\nAssistant: a", "rating": 4.0},
]
RANKING = [
    {"prompt": "q {}", "completions": ["a", "b", "c"]},
    {"question": "q {}", "answers": [{"answer": "a", "rank": 1}, {"answer": "b", "rank": 2}]},
    {"prompt": "q {}", "samples": ["a {}", "b {}"], "ranks": [2, 1]},
    {"prompt": "q {}", **{f"output_{n}": f"a{n} {{}}" for n in "abc"}},
    {"prompt": "q {}", "response": "a {}", "rank": 2},
    {
        "prompt": "q {}",
        "answers": [{"answer": "a", "rank": 1}, {"answer": "b", "rank": 2}],
        "good_natured": True,
    },
    {"prompt": "q {}", "candidates": ["a {}", "b {}"], "preferred_index": 1},
    {
        "text": "q {}",
        "replies": [{"role": "assistant", "text": "a"}, {"role": "assistant", "text": "b"}],
    },
    {"info": {"post": "q {}"}, "summaries": [{"text": "a {}"}, {"text": "b {}"}], "picked": 0},
]
IMAGES = [
    {**PAIR, "img": "{}.png"},
    {**PAIR, "image_url": "https://example.org/{}.jpg?size=large"},
    {**PAIR, "pictures": ["{}.webp", "{}.jpeg"]},
    {"img_path": "photos/{}.png", "caption": "a cat {}"},
    {"picture": IMAGE, "question": "q {}", "answer": "a {}"},
    {**PAIR, "photo": IMAGE},
]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (columns, kind)
        for kind, layouts in (
            ("KTO dataset", KTO), ("SFT dataset", SFT), ("reward model", REWARD_MODEL),
            ("ranking", RANKING), ("images", IMAGES),
        )
        for columns in layouts
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)  # fmt: skip
def test_another_kind_of_dataset_is_refused_by_its_name(
    volume, columns: dict[str, Any], kind: str
) -> None:
    rows = [filled(columns, number) for number in range(ROWS)]
    (volume.root / "pairs").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), volume.root / "pairs" / "train.parquet")
    report = volume.inspect()
    assert not report.valid
    assert str(report.errors[0].code) == "NotPreference"
    assert kind in report.errors[0].message
    assert report.suggestion is None


@pytest.mark.parametrize(
    "beside",
    [
        {"image_caption": "a cat {}"},
        {"image_id": 7},
        {"images": None},
        {"images": []},
        {"imgs": []},
        {"text_quality": 0.5},
        {"label": True},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_columns_beside_a_pair_do_not_make_it_another_dataset(volume, beside: Any) -> None:
    report = volume.rows(filled({**PAIR, **beside}, number) for number in range(ROWS)).inspect()
    assert report.valid, report.errors
