"""What a judge behind an API is asked, from a versioned file, and how its reply is read."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

VERSION = 3
PREFERENCE = re.compile(r"[\s*_`\"'.\[\]()]*(A|B|TIE)[\s*_`\"'.\[\]()]*", re.IGNORECASE)
"""The reply's only word, perhaps in marks of emphasis."""
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A text in JSON, with its quotes."""
REASONING_END = "</think>"
"""The mark after which models that reason aloud give their reply."""

Preference = Literal["A", "B", "TIE"]


@cache
def instructions() -> str:
    """The system message of the current version."""
    text = (files(__package__) / f"pairwise_prompt_v{VERSION}.yaml").read_text(encoding="utf-8")
    return "\n".join(entry["line"] for entry in yaml.safe_load(text)["lines"])


def question(prompt: Any, answer_a: str, answer_b: str) -> list[dict[str, str]]:
    """The messages that ask for a preference.

    Args:
        prompt: Text, or messages.
        answer_a: The answer in the first place.
        answer_b: The other one.
    """
    material = {"prompt": prompt, "answer_a": answer_a, "answer_b": answer_b}
    content = TEXT.sub(_without_marks, json.dumps(material, ensure_ascii=False))
    return [
        {"role": "system", "content": instructions()},
        {"role": "user", "content": content},
    ]


def _without_marks(text: re.Match[str]) -> str:
    """A JSON text without a token by which the judge's chat template ends a turn: <|im_end|>, </s>, [/INST]."""
    return text[0].replace("<", r"\u003c").replace("[", r"\u005b")


def read_preference(reply: Any) -> Preference | None:
    """The preference in a reply; None where it is anything but one of the three words."""
    if not isinstance(reply, str):
        return None
    found = PREFERENCE.fullmatch(reply.rpartition(REASONING_END)[2])
    if found is None:
        return None
    word: Any = found[1].upper()
    return word  # type: ignore[no-any-return]
