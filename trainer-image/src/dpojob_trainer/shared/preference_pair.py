"""A normalised pair: what a good row comes to, and what training gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from .messages import Message

Turns = list[Message]
Format = Literal["standard", "conversational"]


@dataclass(slots=True)
class Pair:
    """A normalised row: text, or message lists; `tools` as the chat template takes them."""

    prompt: str | Turns
    chosen: str | Turns
    rejected: str | Turns
    format: Format
    tools: list[Any] | None = None
    implicit: bool = False

    def conversation(self) -> Pair:
        """The same pair as message lists: text becomes a user's and an assistant's turn."""
        return Pair(
            turns_of(self.prompt, "user"),
            turns_of(self.chosen, "assistant"),
            turns_of(self.rejected, "assistant"),
            self.format,
            self.tools,
            self.implicit,
        )

    def text(self) -> Pair:
        """The same pair as text, for a model without chat template; only of standard format."""
        if isinstance(self.prompt, str) or self.format == "conversational":
            return self
        prompt = "\n\n".join(turn["content"] for turn in self.prompt)
        return Pair(prompt, self.chosen, self.rejected, self.format, self.tools, self.implicit)

    def characters(self) -> tuple[int, int, int]:
        """Lengths of prompt, chosen and rejected without a tokenizer."""
        return (_characters(self.prompt), _characters(self.chosen), _characters(self.rejected))

    def row(self) -> dict[str, Any]:
        """As TRL takes it."""
        found = {"prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected}
        if self.tools is not None:
            # As JSON text, which TRL reads: a column of objects would lend each the others' keys.
            found["tools"] = json.dumps(self.tools, default=str)
        return found


def _characters(value: str | Turns) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(len(turn.get("content", "")) for turn in value)


def turns_of(value: str | Turns, role: str) -> Turns:
    """Text as one turn of `role`; message lists as they are."""
    return [{"role": role, "content": value}] if isinstance(value, str) else value
