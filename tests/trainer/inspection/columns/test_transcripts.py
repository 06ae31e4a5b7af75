"""Transcripts are recognised by all rows, whatever their order."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.kit.inspection.volume_fixture import codes

ASKED = "\n\nHuman: how?\n\nAssistant:"
MARKED = {"chosen": ASKED + " well", "rejected": ASKED + " badly"}
PLAIN = {"chosen": "You ask. I say well", "rejected": "You ask. I say badly"}


@pytest.mark.parametrize(
    ("most", "few", "preset"), [(MARKED, PLAIN, "hh-rlhf"), (PLAIN, MARKED, "none")]
)
@pytest.mark.parametrize("columnar", [False, True])
def test_the_kind_of_most_texts_decides_in_any_order(
    volume, most: dict[str, str], few: dict[str, str], preset: str, columnar: bool
) -> None:
    many = [{side: f"{text} {n}" for side, text in most.items()} for n in range(700)]
    others = [{side: f"{text} {n}" for side, text in few.items()} for n in range(300)]
    found = []
    for rows in (many + others, others + many):
        if columnar:
            (volume.root / "pairs").mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), volume.root / "pairs" / "train.parquet")
        else:
            volume.rows(rows)
        report = volume.inspect({"eval": {"fraction": 0}})
        found.append((report.preset, report.valid_rows, codes(report)))
    assert found[0] == found[1]
    assert found[0][0] == preset


def test_a_prompt_with_marks_of_turns_is_no_transcript(volume) -> None:
    volume.rows([{"prompt": ASKED, **PLAIN}] * 3)
    assert volume.inspect({"eval": {"fraction": 0}}).preset == "none"
