"""Reports are the same whether tokens are counted by whole columns or row by row, and with or without segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection import row_strategies
from tests.kit.inspection.tokenizer_models import CHATML, NO_SYSTEM, TRIMS, make_model
from tests.kit.inspection.volume_fixture import InspectionVolume

from dpojob_trainer.inspection.tokenization import templates
from dpojob_trainer.inspection.validation import BatchValidator

some = st.sampled_from(
    [
        "red",
        "blue",
        "red ",
        " ",
        "",
        "green\n",
        "<|im_end|>",
        "red<|im_start|>",
        "a" * 30,
        "é",
        "%s",
    ]
)
texts = st.fixed_dictionaries(
    {"prompt": some, "chosen": some, "rejected": some}, optional={"system": some}
)
answer = some.map(lambda text: [{"role": "assistant", "content": text}])
opening = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "user", "assistant", "system"]),
        some,
    ),
    min_size=1,
    max_size=3,
)
lists = st.fixed_dictionaries({"prompt": opening, "chosen": answer, "rejected": answer})
whole = st.builds(
    lambda shared, left, right: {"chosen": shared + left, "rejected": shared + right},
    opening, answer, answer,
)  # fmt: skip
transcripts = st.builds(
    lambda turns, left, right: {
        side: "".join(f"\n\nHuman: {text}\n\nAssistant: ok" for text in turns)
        + f"\n\nHuman: why?\n\nAssistant:{last}"
        for side, last in (("chosen", left), ("rejected", right))
    },
    st.lists(some, max_size=2), some, some,
)  # fmt: skip
LAYOUTS = [texts, lists, whole, transcripts, row_strategies.conversations]


def by_row(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BatchValidator, "_validate_columns", lambda *_: None)
    patch.setattr(templates.SegmentedTemplate, "_trace", lambda *_: None)


@pytest.mark.parametrize("template", [CHATML, TRIMS, NO_SYSTEM, None])
def test_the_report_is_that_of_single_rows(template: str | None, tmp_path: Path) -> None:
    volume = InspectionVolume(tmp_path)
    make_model(tmp_path / "model", template)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(LAYOUTS).flatmap(lambda rows: st.lists(rows, min_size=1, max_size=8)),
        st.sampled_from([16, 40, 512]),
    )
    def check(rows: list[dict[str, Any]], max_length: int) -> None:
        volume.rows(rows)
        spec = {"dataset": {"invalidRows": "Drop", "maxDroppedShare": 1}}
        found = volume.inspect(spec["dataset"], training={"maxLength": max_length})
        with pytest.MonkeyPatch.context() as patch:
            by_row(patch)
            expected = volume.inspect(spec["dataset"], training={"maxLength": max_length})
        assert found.model_dump_json() == expected.model_dump_json()

    check()


def test_rows_of_a_dataset_are_counted_by_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a scan that counted all rows one by one would agree too."""
    volume = InspectionVolume(tmp_path)
    make_model(tmp_path / "model")
    volume.rows(
        {"prompt": f"question {at}", "chosen": "yes", "rejected": "no" if at != 3 else "yes"}
        for at in range(40)
    )
    single: list[int] = []
    validate = BatchValidator.validate_rows
    monkeypatch.setattr(
        BatchValidator,
        "validate_rows",
        lambda self, batch, first, name, positions=None: (
            single.extend(range(len(batch)) if positions is None else positions),
            validate(self, batch, first, name, positions),
        )[1],
    )
    report = volume.inspect({"invalidRows": "Drop"})
    assert (report.valid, report.valid_rows, single) == (True, 39, [3])
