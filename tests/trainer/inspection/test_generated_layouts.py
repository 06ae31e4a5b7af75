"""Generated pairs, written in each layout that people use: every pair is read as it was written.

A layout is read as it is, or with the mapping that its case names, or after the suggestion of the first
inspection. Nothing is altered, swapped or lost; layouts without pairs are never accepted.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.volume_fixture import make_bare_model, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect

Row = dict[str, Any]
WHOLE = {"eval": {"fraction": 0}}


@dataclass(frozen=True)
class Pair:
    """What was written."""

    prompt: str
    chosen: str
    rejected: str
    number: int

    @property
    def is_even(self) -> bool:
        return self.number % 2 == 0

    def in_order(self, first: str, second: str) -> Row:
        """Both answers in columns by turns, as a verdict decides it."""
        answers = (self.chosen, self.rejected) if self.is_even else (self.rejected, self.chosen)
        return {first: answers[0], second: answers[1]}


@dataclass(frozen=True)
class Layout:
    """How pairs are written."""

    row: Callable[[Pair], Row]
    mapping: dict[str, Any] = field(default_factory=dict)
    """Where the user must say something that inspection asks for."""


def said(role: str, text: str) -> Row:
    return {"role": role, "content": text}


def gpt(role: str, text: str) -> Row:
    return {"from": role, "value": text}


def parts(role: str, text: str) -> Row:
    return {"role": role, "content": [{"type": "text", "value": text}]}


def verdict(**values: Any) -> dict[str, Any]:
    return {"prompt": "question", "chosen": "a", "rejected": "b", "verdict": values}


def labelled(column: str, first: Any, second: Any) -> Callable[[Pair], Row]:
    return lambda p: {
        "question": p.prompt, **p.in_order("a", "b"), column: first if p.is_even else second,
    }  # fmt: skip


def named(prompt: str, chosen: str, rejected: str, **more: Any) -> Callable[[Pair], Row]:
    return lambda p: {prompt: p.prompt, chosen: p.chosen, rejected: p.rejected, **more}


LAYOUTS: dict[str, Layout] = {
    "TRL, text": Layout(named("prompt", "chosen", "rejected")),
    "TRL, messages": Layout(
        lambda p: {
            "prompt": [said("user", p.prompt)],
            "chosen": [said("assistant", p.chosen)],
            "rejected": [said("assistant", p.rejected)],
        }
    ),
    "TRL, prompt inside": Layout(
        lambda p: {
            "chosen": [said("user", p.prompt), said("assistant", p.chosen)],
            "rejected": [said("user", p.prompt), said("assistant", p.rejected)],
        }
    ),
    "ShareGPT": Layout(
        lambda p: {
            "conversations": [gpt("human", p.prompt)],
            "chosen": gpt("gpt", p.chosen),
            "rejected": gpt("gpt", p.rejected),
        }
    ),
    "ShareGPT with system and tools": Layout(
        lambda p: {
            "conversations": [gpt("human", p.prompt)],
            "system": "be kind",
            "tools": "[]",
            "chosen": gpt("gpt", p.chosen),
            "rejected": gpt("gpt", p.rejected),
        }
    ),
    "ShareGPT with calls": Layout(
        lambda p: {
            "conversations": [
                gpt("human", "weather?"),
                gpt("function_call", '{"name": "w", "arguments": {}}'),
                gpt("observation", "sunny"),
                gpt("gpt", "It is sunny"),
                gpt("human", p.prompt),
            ],
            "chosen": gpt("gpt", p.chosen),
            "rejected": gpt("gpt", p.rejected),
        }
    ),
    "content parts": Layout(
        lambda p: {
            "prompt": [parts("user", p.prompt)],
            "chosen": [parts("assistant", p.chosen)],
            "rejected": [parts("assistant", p.rejected)],
        }
    ),
    "OpenAI": Layout(
        lambda p: {
            "input": {
                "messages": [said("user", p.prompt)],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [said("assistant", p.chosen)],
            "non_preferred_output": [said("assistant", p.rejected)],
        }
    ),
    "an answer of one message": Layout(
        lambda p: {
            "prompt": p.prompt,
            "chosen": said("assistant", p.chosen),
            "rejected": said("assistant", p.rejected),
        }
    ),
    "from beside content": Layout(
        lambda p: {
            "conversations": [{"from": "user", "content": p.prompt}],
            "chosen": {"from": "assistant", "content": p.chosen},
            "rejected": {"from": "assistant", "content": p.rejected},
        }
    ),
    "winner": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_a", "response_b"),
            "winner": "model_a" if p.is_even else "model_b",
        }
    ),
    "better_response_id": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_0", "response_1"),
            "better_response_id": p.number % 2,
        }
    ),
    "preferred": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_1", "response_2"),
            "preferred": "response_1" if p.is_even else "response_2",
        }
    ),
    "label 0/1": Layout(labelled("label", 0, 1), verdict(column="label", first=0, second=1)),
    "preference 1/2": Layout(
        labelled("preference", 1, 2), verdict(column="preference", first=1, second=2)
    ),
    "preference -1/1": Layout(
        labelled("preference", 1, -1), verdict(column="preference", first=1, second=-1)
    ),
    "overall_preference": Layout(
        lambda p: {
            "context": [said("user", p.prompt)],
            **p.in_order("response1", "response2"),
            "overall_preference": -2 if p.is_even else 3,
        }
    ),
    "scores": Layout(
        lambda p: {
            "prompt": p.prompt,
            "response_a": p.rejected,
            "response_b": p.chosen,
            "score_a": p.number,
            "score_b": p.number + 1,
        }
    ),
    "Alpaca": Layout(
        lambda p: {
            "instruction": p.prompt,
            "input": "",
            "chosen": p.chosen,
            "rejected": p.rejected,
        }
    ),
    "NeMo": Layout(
        named("context", "chosen_response", "rejected_response", chosen_rating=4, rejected_rating=2)
    ),
    "NeMo-Aligner": Layout(
        named("prompt", "chosen_response", "rejected_response", chosen_reward=4, rejected_reward=2)
    ),
    "a list of two": Layout(lambda p: {"instruction": p.prompt, "output": [p.chosen, p.rejected]}),
    "roles": Layout(
        lambda p: {
            "conversations": [
                gpt("human", p.prompt),
                gpt("chosen_gpt", p.chosen),
                gpt("rejected_gpt", p.rejected),
            ]
        }
    ),
    "chosen_X": Layout(named("question", "chosen_story", "rejected_story")),
    "preferred and other": Layout(named("prompt", "preferred", "other")),
    "fields of one object": Layout(
        lambda p: {"data": named("prompt", "chosen", "rejected")(p), "id": p.number}
    ),
    "lists of one": Layout(
        lambda p: {"prompt": [p.prompt], "chosen": [p.chosen], "rejected": [p.rejected]}
    ),
}
OTHERS: dict[str, Callable[[Pair], Row]] = {
    "KTO": lambda p: {"prompt": p.prompt, "completion": p.chosen, "label": p.is_even},
    "SFT": lambda p: {"messages": [said("user", p.prompt), said("assistant", p.chosen)]},
    "Alpaca SFT": lambda p: {"instruction": p.prompt, "input": "", "output": p.chosen},
    "reward model": lambda p: {"prompt": p.prompt, "response": p.chosen, "reward": 0.5},
    "images": lambda p: {**named("prompt", "chosen", "rejected")(p), "images": [f"{p.number}.png"]},
    "ranking": lambda p: {"prompt": p.prompt, "completions": [p.chosen, p.rejected, "neither"]},
    "several pairs": lambda p: {"pairs": [named("prompt", "chosen", "rejected")(p)] * 2},
    "several answers": lambda p: {
        "prompt": p.prompt, "chosen": [p.chosen, "more"], "rejected": [p.rejected, "most"],
    },
    "no verdict": lambda p: {"prompt": p.prompt, **p.in_order("response_a", "response_b")},
}  # fmt: skip

texts = st.text(st.sampled_from("abcxyz é漢字'\",.?!\n"), min_size=1, max_size=30).map(str.strip)
answers = st.tuples(texts, texts).filter(lambda both: both[0] and both[1] and both[0] != both[1])


@st.composite
def generated(draw: st.DrawFn) -> list[Pair]:
    """Pairs with different prompts, enough for what inspection tells by most of them."""
    drawn = draw(st.lists(st.tuples(texts, answers), min_size=6, max_size=10))
    return [
        Pair(f"question {number}: {prompt}".strip(), f"{chosen} (1)", f"{rejected} (2)", number)
        for number, (prompt, (chosen, rejected)) in enumerate(drawn)
    ]


def written(root: Path, text: str, name: str) -> dict[str, Path]:
    make_bare_model(root / "model")
    (root / "pairs").mkdir()
    (root / "pairs" / name).write_text(text, encoding="utf-8")
    return {"data": root}


def last_text(value: Any) -> str:
    return value if isinstance(value, str) else value[-1]["content"]


def check(pairs: list[Pair], volumes: dict[str, Path], mapping: dict[str, Any]) -> None:
    """Inspects, follows a suggestion once where there is one, and compares what training would read."""
    spec = spec_of({**WHOLE, **({"columnMapping": mapping} if mapping else {})})
    report = inspect(spec, volumes)
    if not report.valid:
        assert report.suggestion is not None, report.errors[0].message
        assert report.suggestion.remaining == []
        spec = follow(spec, report.suggestion)
        report = inspect(spec, volumes)
    assert report.valid, [problem.message for problem in report.errors]
    found = [
        tuple(last_text(row[part]) for part in ("prompt", "chosen", "rejected"))
        for row in accepted_rows(spec, report, volumes)
    ]
    assert found == [(pair.prompt, pair.chosen, pair.rejected) for pair in pairs]


CASES = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", LAYOUTS)
@CASES
@given(pairs=generated())
def test_pairs_are_read_as_they_were_written(name: str, pairs: list[Pair]) -> None:
    layout = LAYOUTS[name]
    lines = "".join(json.dumps(layout.row(pair)) + "\n" for pair in pairs)
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), lines, "train.jsonl"), layout.mapping)


@pytest.mark.parametrize("levels", [0, 1, 2])
@CASES
@given(pairs=generated(), by_row=st.booleans())
def test_whole_columns_are_read(levels: int, pairs: list[Pair], by_row: bool) -> None:
    rows = [LAYOUTS["TRL, text"].row(pair) for pair in pairs]
    value: Any = {name: [row[name] for row in rows] for name in rows[0]}
    if by_row:
        value = {name: {str(n): v for n, v in enumerate(value[name])} for name in value}
    for _ in range(levels):
        value = {"data": value}
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), json.dumps(value), "train.json"), {})


@CASES
@given(pairs=generated())
def test_a_tsv_file_without_a_header_is_read(pairs: list[Pair]) -> None:
    # A first line of sentences is a row; one of few words could be the columns' names.
    def sentence(text: str) -> str:
        return f"This is one of the texts, {text}".replace('"', "'").replace("\n", " ")

    pairs = [
        Pair(sentence(p.prompt), sentence(p.chosen), sentence(p.rejected), p.number) for p in pairs
    ]
    lines = "".join(f"{p.prompt}\t{p.chosen}\t{p.rejected}\n" for p in pairs)
    mapping = {"prompt": "column_1", "chosen": "column_2", "rejected": "column_3"}
    with tempfile.TemporaryDirectory() as folder:
        check(pairs, written(Path(folder), lines, "train.tsv"), mapping)


@pytest.mark.parametrize("name", OTHERS)
@CASES
@given(pairs=generated())
def test_what_holds_no_pairs_is_never_accepted(name: str, pairs: list[Pair]) -> None:
    lines = "".join(json.dumps(OTHERS[name](pair)) + "\n" for pair in pairs)
    with tempfile.TemporaryDirectory() as folder:
        volumes = written(Path(folder), lines, "train.jsonl")
        try:
            report = inspect(spec_of(WHOLE), volumes)
        except InspectionError:
            return
        assert not report.valid and report.suggestion is None
        assert all(problem.message for problem in report.errors)
