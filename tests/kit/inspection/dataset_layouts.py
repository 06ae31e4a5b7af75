"""Preference pairs written in the layouts that people use, and rows that are no pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]


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
        """Both answers in two columns, in an order that a label column gives."""
        answers = (self.chosen, self.rejected) if self.is_even else (self.rejected, self.chosen)
        return {first: answers[0], second: answers[1]}


@dataclass(frozen=True)
class Layout:
    """How pairs are written."""

    row: Callable[[Pair], Row]
    mapping: dict[str, Any] = field(default_factory=dict)
    """What the user must write where inspection cannot suggest it."""


def message(role: str, text: str) -> Row:
    return {"role": role, "content": text}


def sharegpt_message(role: str, text: str) -> Row:
    return {"from": role, "value": text}


def parts(role: str, text: str) -> Row:
    return {"role": role, "content": [{"type": "text", "value": text}]}


def labelled_by(**values: Any) -> dict[str, Any]:
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
            "prompt": [message("user", p.prompt)],
            "chosen": [message("assistant", p.chosen)],
            "rejected": [message("assistant", p.rejected)],
        }
    ),
    "TRL, prompt inside": Layout(
        lambda p: {
            "chosen": [message("user", p.prompt), message("assistant", p.chosen)],
            "rejected": [message("user", p.prompt), message("assistant", p.rejected)],
        }
    ),
    "ShareGPT": Layout(
        lambda p: {
            "conversations": [sharegpt_message("human", p.prompt)],
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
        }
    ),
    "ShareGPT with system and tools": Layout(
        lambda p: {
            "conversations": [sharegpt_message("human", p.prompt)],
            "system": "be kind",
            "tools": "[]",
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
        }
    ),
    "ShareGPT with calls": Layout(
        lambda p: {
            "conversations": [
                sharegpt_message("human", "weather?"),
                sharegpt_message("function_call", '{"name": "w", "arguments": {}}'),
                sharegpt_message("observation", "sunny"),
                sharegpt_message("gpt", "It is sunny"),
                sharegpt_message("human", p.prompt),
            ],
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
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
                "messages": [message("user", p.prompt)],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [message("assistant", p.chosen)],
            "non_preferred_output": [message("assistant", p.rejected)],
        }
    ),
    "an answer of one message": Layout(
        lambda p: {
            "prompt": p.prompt,
            "chosen": message("assistant", p.chosen),
            "rejected": message("assistant", p.rejected),
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
    "label 0/1": Layout(labelled("label", 0, 1), labelled_by(column="label", first=0, second=1)),
    "preference 1/2": Layout(
        labelled("preference", 1, 2), labelled_by(column="preference", first=1, second=2)
    ),
    "preference -1/1": Layout(
        labelled("preference", 1, -1), labelled_by(column="preference", first=1, second=-1)
    ),
    "overall_preference": Layout(
        lambda p: {
            "context": [message("user", p.prompt)],
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
                sharegpt_message("human", p.prompt),
                sharegpt_message("chosen_gpt", p.chosen),
                sharegpt_message("rejected_gpt", p.rejected),
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
    "SFT": lambda p: {"messages": [message("user", p.prompt), message("assistant", p.chosen)]},
    "Alpaca SFT": lambda p: {"instruction": p.prompt, "input": "", "output": p.chosen},
    "reward model": lambda p: {"prompt": p.prompt, "response": p.chosen, "reward": 0.5},
    "images": lambda p: {**named("prompt", "chosen", "rejected")(p), "images": [f"{p.number}.png"]},
    "ranking": lambda p: {"prompt": p.prompt, "completions": [p.chosen, p.rejected, "neither"]},
    "several pairs": lambda p: {"pairs": [named("prompt", "chosen", "rejected")(p)] * 2},
    "several answers": lambda p: {
        "prompt": p.prompt, "chosen": [p.chosen, "more"], "rejected": [p.rejected, "most"],
    },
    "no label": lambda p: {"prompt": p.prompt, **p.in_order("response_a", "response_b")},
}  # fmt: skip


texts = st.text(st.sampled_from("abcxyz é漢字'\",.?!\n"), min_size=1, max_size=30).map(str.strip)


answers = st.tuples(texts, texts).filter(lambda both: both[0] and both[1] and both[0] != both[1])
