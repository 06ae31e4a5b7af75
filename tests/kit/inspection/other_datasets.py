"""Rows of datasets that hold no preference pairs, by the word that their refusal names them by."""

from __future__ import annotations

from collections.abc import Callable

from .dataset_layouts import Pair, Row, message, named

OTHERS: dict[str, tuple[str, Callable[[Pair], Row]]] = {
    "KTO": ("KTO", lambda p: {"prompt": p.prompt, "completion": p.chosen, "label": p.is_even}),
    "SFT": (
        "SFT",
        lambda p: {"messages": [message("user", p.prompt), message("assistant", p.chosen)]},
    ),
    "Alpaca SFT": ("SFT", lambda p: {"instruction": p.prompt, "input": "", "output": p.chosen}),
    "reward model": (
        "reward model", lambda p: {"prompt": p.prompt, "response": p.chosen, "reward": 0.5},
    ),
    "images": (
        "images", lambda p: {**named("prompt", "chosen", "rejected")(p), "images": [f"{p.number}.png"]},
    ),
    "image parts": (
        "image",
        lambda p: {
            "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": p.prompt}]}],
            "chosen": [message("assistant", p.chosen)],
            "rejected": [message("assistant", p.rejected)],
        },
    ),
    "audio answers": (
        "media files",
        lambda p: {"prompt": p.prompt, "chosen": f"{p.number}a.wav", "rejected": f"{p.number}b.wav"},
    ),
    "ranking": (
        "ranking", lambda p: {"prompt": p.prompt, "completions": [p.chosen, p.rejected, "neither"]},
    ),
    "options": ("options", lambda p: p.in_order("option_a", "option_b")),
    "several pairs": (
        "lists of pairs", lambda p: {"pairs": [named("prompt", "chosen", "rejected")(p)] * 2},
    ),
    "several answers": (
        "hold lists",
        lambda p: {"prompt": p.prompt, "chosen": [p.chosen, "more"], "rejected": [p.rejected, "most"]},
    ),
    "no label": (
        "do not say which is preferred",
        lambda p: {"prompt": p.prompt, **p.in_order("response_a", "response_b")},
    ),
}  # fmt: skip
