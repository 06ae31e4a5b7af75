"""Layouts with other columns: answers with a label of the preferred one, several columns of a prompt, other names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .dataset_layouts import Layout, Pair, Row, message, named, sharegpt_message


def labelled_by(**values: Any) -> dict[str, Any]:
    return {"prompt": "question", "chosen": "a", "rejected": "b", "verdict": values}


def labelled(column: str, first: Any, second: Any, tie: Any = None) -> Callable[[Pair], Row]:
    """Rows with a label; `tie` is that of `Pair.is_tie`, None where no row is one."""

    def row(p: Pair) -> Row:
        label = tie if p.is_tie and tie is not None else first if p.is_even else second
        return {"question": p.prompt, **p.in_order("a", "b"), column: label}

    return row


COLUMN_LAYOUTS: dict[str, Layout] = {
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
    "safer_response_id": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_0", "response_1"),
            "safer_response_id": p.number % 2,
        }
    ),
    "winner A/B with ties": Layout(labelled("winner", "A", "B", "tie"), has_ties=True),
    "winner in two cases": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("model_a", "model_b"),
            "winner": ("a" if p.number % 4 else "A") if p.is_even else "b",
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
    "label 0/1/2": Layout(
        labelled("label", 0, 1, 2),
        labelled_by(column="label", first=0, second=1, tie=2),
        has_ties=True,
    ),
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
    "overall_preference with ties": Layout(
        lambda p: {
            "context": [message("user", p.prompt)],
            **p.in_order("response1", "response2"),
            "overall_preference": 0 if p.is_tie else -1 if p.is_even else 1,
        },
        has_ties=True,
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
    "scores by row": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_a", "response_b"),
            "score_a": p.number,
            "score_b": p.number if p.is_tie else p.number - (1 if p.is_even else -1),
        },
        has_ties=True,
    ),
    "ranks by row": Layout(
        lambda p: {
            "prompt": p.prompt,
            **p.in_order("response_a", "response_b"),
            "rank_a": 1 if p.is_even else 2,
            "rank_b": 2 if p.is_even else 1,
        },
        {
            "prompt": "prompt",
            "chosen": "response_a",
            "rejected": "response_b",
            "scores": {"first": "rank_a", "second": "rank_b", "better": "Lower"},
        },
    ),
    "NeMo-RL": Layout(
        lambda p: {
            "context": [message("user", p.prompt)],
            "completions": [
                {"rank": rank, "completion": [message("assistant", text)]}
                for rank, text in ((1, p.rejected), (0, p.chosen))
            ],
        }
    ),
    "Vertex AI": Layout(
        lambda p: {
            "contents": [{"role": "user", "parts": [{"text": p.prompt}]}],
            "completions": [
                {"score": score, "completion": {"role": "model", "parts": [{"text": text}]}}
                for score, text in ((1.0, p.chosen), (0.0, p.rejected))
            ],
        }
    ),
    "Amazon Bedrock": Layout(
        lambda p: {
            "messages": [
                {"role": "user", "content": [{"text": p.prompt}]},
                {
                    "role": "assistant",
                    "candidates": [
                        {"content": [{"text": text}], "preferenceLabel": label}
                        for label, text in (("preferred", p.chosen), ("non-preferred", p.rejected))
                    ],
                },
            ]
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
    "Alpaca with input": Layout(
        lambda p: {
            "instruction": p.prompt,
            "input": f"input {p.number}" if p.is_even else "",
            "chosen": p.chosen,
            "rejected": p.rejected,
        },
        prompt=lambda p: f"{p.prompt}\n\ninput {p.number}" if p.is_even else p.prompt,
    ),
    "context joined": Layout(
        named("question", "chosen", "rejected", context="Oslo is a city."),
        {"prompt": ["context", "question"], "chosen": "chosen", "rejected": "rejected"},
        prompt=lambda p: f"Oslo is a city.\n\n{p.prompt}",
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
