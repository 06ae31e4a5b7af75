"""Messages, texts and the expected pair of rows in known layouts."""

from __future__ import annotations

from typing import Any


def turns(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


ASKED = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: how?\n\nAssistant:"
EXPECTED = {"prompt": "q", "chosen": "good", "rejected": "bad"}
CONVERSATION = {"prompt": turns("q"), "chosen": answer("good"), "rejected": answer("bad")}
"""The same pair as message lists."""
Case = tuple[str, dict[str, Any], dict[str, Any]]
"""The name of a preset, a row, and the pair that it is read as."""
