"""How fast inspection counts tokens, beside TRL's own preparation of the same rows and the raw tokenizer.

- inspect: `dpojob inspect` from the file to the report, suspects and duplicates included.
- row by row: the same without whole columns, template segments and fastokens, as inspection once counted all rows
  and still counts those for which these are not exact.
- TRL: `DPOTrainer._prepare_dataset` over rows already converted to message lists and in memory.
- tokenizers: `encode_batch_fast` of the three texts of each row, rendered beforehand.

The rows are transcripts as of hh-rlhf, all different, or one in twenty different and repeated, or texts whose prompt
ends with an answer's mark. Tokenizers are loaded anew in each round, since their caches would remember the rows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.pages import table

from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE

from .models import make_model
from .pairs import words
from .rounds import Side, best

REPEATS = 20


def conversation(numbers: random.Random) -> dict[str, list[dict[str, str]]]:
    """A pair of about 1.4 kB with one to four turns of the user."""
    prompt = []
    for _ in range(numbers.choice([1, 1, 2, 2, 3, 4])):
        prompt += [
            {"role": "user", "content": words(numbers, 15)},
            {"role": "assistant", "content": words(numbers, 40)},
        ]
    answers = ([{"role": "assistant", "content": words(numbers, 40)}] for _ in range(2))
    return dict(zip(("prompt", "chosen", "rejected"), (prompt[:-1], *answers), strict=True))


def transcript(row: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """The same as hh-rlhf writes it."""
    names = {"user": "Human", "assistant": "Assistant"}
    return {
        side: "".join(
            f"\n\n{names[turn['role']]}: {turn['content']}" for turn in row["prompt"] + row[side]
        )
        for side in ("chosen", "rejected")
    }


def instruction(numbers: random.Random) -> dict[str, list[dict[str, str]]]:
    """A pair of about 1.4 kB whose prompt ends with an answer's mark."""
    prompt = f"### Instruction:\n{words(numbers, 100)}\n\n### Response:\n"
    answers = ([{"role": "assistant", "content": words(numbers, 60)}] for _ in range(2))
    parts = [{"role": "user", "content": prompt}], *answers
    return dict(zip(("prompt", "chosen", "rejected"), parts, strict=True))


def as_texts(row: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    """The same in columns of text."""
    return {part: turns[-1]["content"] for part, turns in row.items()}


@dataclass(frozen=True)
class Rows:
    """Rows of one kind."""

    make: Callable[[random.Random], dict[str, list[dict[str, str]]]]
    written: Callable[[dict[str, list[dict[str, str]]]], dict[str, str]]
    repeats: int = 1

    def take(self, count: int) -> list[dict[str, list[dict[str, str]]]]:
        """`count` rows, of which each occurs `repeats` times."""
        numbers = random.Random(count)
        return [self.make(numbers) for _ in range(count // self.repeats)] * self.repeats


ROWS = {
    "all different": Rows(conversation, transcript),
    "repeated": Rows(conversation, transcript, REPEATS),
    "an answer's mark": Rows(instruction, as_texts),
}


def inspect_rows(directory: Path, data: str) -> int:
    from dpojob_api.spec import DPOJobSpec
    from dpojob_trainer.inspection import inspect

    spec = DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "bench", "path": "model"}},
            "dataset": {"volume": {"claimName": "bench", "path": data}},
        }
    )
    report = inspect(spec, {"bench": directory})
    assert report.valid and report.lengths is not None and report.lengths.unit == "tokens"
    return report.rows


def prepare_by_trl(directory: Path, dataset: Any) -> int:
    from transformers import AutoTokenizer
    from trl import DPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(directory / "model")
    trainer = SimpleNamespace(_tokenizer=tokenizer)
    settings = SimpleNamespace(
        dataset_num_proc=None, max_length=1024, truncation_mode="keep_start"
    )  # What `_prepare_dataset` reads of DPOConfig, by its defaults.
    prepared = DPOTrainer._prepare_dataset(trainer, dataset, tokenizer, settings, "train")
    return len(prepared)


def encode(directory: Path, texts: list[str]) -> int:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(directory / "model" / "tokenizer.json"))
    for start in range(0, len(texts), 1536):
        tokenizer.encode_batch_fast(texts[start : start + 1536], add_special_tokens=False)
    return len(texts) // 3


def rendered(directory: Path, rows: list[dict[str, list[dict[str, str]]]]) -> list[str]:
    from transformers import AutoTokenizer

    render = AutoTokenizer.from_pretrained(directory / "model").apply_chat_template
    return [
        text
        for row in rows
        for text in (
            render(row["prompt"], tokenize=False, add_generation_prompt=True),
            render(row["prompt"] + row["chosen"], tokenize=False),
            render(row["prompt"] + row["rejected"], tokenize=False),
        )
    ]


@contextmanager
def row_by_row() -> Iterator[None]:
    """Turns off what counts rows faster than one by one."""
    from dpojob_trainer.inspection.tokenization import ModelContext
    from dpojob_trainer.inspection.tokenization.templates import SegmentedTemplate
    from dpojob_trainer.inspection.validation import BatchValidator

    counter = ModelContext.counter
    changed: list[tuple[type, str, Any]] = [
        (BatchValidator, "_validate_columns", lambda *_: None),
        (SegmentedTemplate, "_trace", lambda *_: None),
        (ModelContext, "counter", lambda model, **_: counter(model)),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in changed]
    for owner, name, replacement in changed:
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def inspect_row_by_row(directory: Path, data: str) -> int:
    with row_by_row():
        return inspect_rows(directory, data)


def compare(directory: Path, count: int, slow: int, kind: Rows, rounds: int) -> list[Side]:
    """All sides on the same rows; the slower ones on the first of them."""
    from datasets import Dataset

    rows = kind.take(count)
    lines = [json.dumps(kind.written(row)) + "\n" for row in rows]
    (directory / "pairs.jsonl").write_text("".join(lines))
    (directory / "first.jsonl").write_text("".join(lines[:slow]))
    first = rows[:slow]
    return best(
        [
            partial(inspect_rows, directory, "pairs.jsonl"),
            partial(inspect_row_by_row, directory, "first.jsonl"),
            partial(prepare_by_trl, directory, Dataset.from_list(first)),
            partial(encode, directory, rendered(directory, first)),
        ],
        rounds,
    )


def measure_tokens(directory: Path, rows: int, slow: int, rounds: int) -> list[str]:
    """A table with a line for each template and kind of rows."""
    import datasets
    import trl

    datasets.disable_progress_bars()
    datasets.disable_caching()
    templates = Path(trl.__file__).parent / "chat_templates"
    kinds = {"ChatML": FALLBACK_CHAT_TEMPLATE, "Qwen3": (templates / "qwen3.jinja").read_text()}
    lines = []
    for kind, template in kinds.items():
        make_model(directory / "model", template)
        for name, some in ROWS.items():
            sides = compare(directory, rows, min(slow, rows), some, rounds)
            lines.append(_line(f"{kind}, {name}", sides))
    header = [
        "template, rows", "inspect/s", "row by row/s", "TRL/s", "tokenizers/s",
        "CPU: to row by row", "CPU: to TRL", "CPU: to tokenizers",
    ]  # fmt: skip
    return [
        f"{rows:,} rows of about 1.4 kB, the first {min(slow, rows):,} of them for all but inspect.",
        "",
        *table(header, lines),
    ]


def _line(name: str, sides: Sequence[Side]) -> list[str]:
    inspected, *others = sides
    rates = [f"{side.rate:,.0f}" for side in sides]
    return [name, *rates, *(f"{inspected.cpu / side.cpu:.1f}" for side in others)]
