"""The model card: what was trained and how, readable whatever columns and files are called."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.kit import tiny_models
from tests.kit.training.adapters import save_adapter
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run
from dpojob_trainer.training.export.markdown import code, plain

NASTY = [
    "a|b",
    "`tick`",
    "<b>bold</b>",
    "two\nlines",
    "a\\",
    "*star*",
    "[link](x)",
    "&amp;",
    "plain_name",
]


def rows(card: str) -> dict[str, str]:
    """What people see of the card's two-column tables: the first cell's text to the second's."""
    html = MarkdownIt("commonmark").enable("table").render(card)
    cells = re.findall(r"<tr>\s*<td>(.*?)</td>\s*<td>(.*?)</td>\s*</tr>", html, re.DOTALL)
    return {shown(name): shown(value) for name, value in cells}


def shown(cell: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", cell))


@pytest.mark.parametrize("show", [plain, code])
@pytest.mark.parametrize("text", NASTY)
def test_a_table_shows_any_text_as_it_is(text: str, show: object) -> None:
    table = f"| what | value |\n|---|---|\n| it | {show(text)} |\n"  # type: ignore[operator]
    assert rows(table) == {"it": text.replace("\n", " ")}


@pytest.fixture(scope="module")
def cards() -> list[str]:
    """The card of one run, for all tests below."""
    return []


@pytest.fixture
def card(make_job: MakeJob, inputs: Path, tmp_path: Path, cards: list[str]) -> str:
    """The card of a LoRA run that continues an adapter of rank 4, on columns with odd names."""
    if not cards:
        save_adapter(inputs / "model", tmp_path / "odd" / "sft", "model")
        names = {
            "question": "q|<b>x</b>`",
            "good_response": "re\njected",
            "bad_response": "bad <i>",
        }
        pairs = [{names[k]: v for k, v in pair.items()} for pair in tiny_models.make_pairs(16, 1)]
        tiny_models.write_jsonl(tmp_path / "odd" / "a|b <i>.jsonl", pairs)
        mapping = dict(zip(("prompt", "chosen", "rejected"), names.values(), strict=True))
        spec = {
            "model": {"volume": {"claimName": "odd", "path": "sft"}},
            "dataset": {
                "volume": {"claimName": "odd", "path": "a|b <i>.jsonl"},
                "columnMapping": mapping,
                "eval": {"fraction": 0},
            },
            "training": {"method": "lora", "lora": {"r": 16}},
        }
        plan = {"reasons": ["test is the cheapest pool that holds it", "LoRA: full needs 99 GiB"]}
        job = make_job(spec=spec, plan=plan, volumes={"odd": tmp_path / "odd"})
        ended = run(job)
        assert ended.outcome == "Succeeded", ended.message
        cards.append((job.output / "README.md").read_text())
    return cards[0]


@pytest.mark.train
def test_it_states_the_adapter_that_was_trained(card: str) -> None:
    assert rows(card)["LoRA"] == "r 4, alpha 8, dropout 0.0"


@pytest.mark.train
def test_it_gives_the_plans_reasons_and_estimate(card: str) -> None:
    assert rows(card)["why"] == "test is the cheapest pool that holds it"
    assert "LoRA: full needs 99 GiB" in card
    assert rows(card)["estimate"].startswith("0.10 hours, 0.10; this attempt took ")


@pytest.mark.train
def test_odd_names_of_columns_and_files_break_no_table(card: str) -> None:
    table = rows(card)
    assert table["dataset"] == "odd/a|b <i>.jsonl"
    assert table["columns"] == "prompt q|<b>x</b>`, chosen re jected, rejected bad <i>"


@pytest.mark.train
def test_a_base_model_on_a_volume_is_named_with_its_fingerprint(card: str) -> None:
    assert re.fullmatch(r"odd/sft, fingerprint [0-9a-f]{16}-[0-9a-f]{16}", rows(card)["base model"])
