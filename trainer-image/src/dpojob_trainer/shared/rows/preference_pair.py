"""The preference pair: what a valid row is normalised to, and what training gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .messages import Message
from .turn_marks import ending_answer_mark

MessageList = list[Message]
Format = Literal["standard", "conversational"]
"""TRL's names: "standard" is text, "conversational" is message lists."""

PAIR_FIELDS = ("prompt", "chosen", "rejected")
"""The fields of a pair that hold text or messages."""
PLAIN_MESSAGE_KEYS = frozenset({"role", "content"})
"""The keys of a message that is text alone."""
PLAIN_KEYS = ["role", "content"]
"""The same in the order that the messages of a `PlainPair` have, which a chat template can see."""


@dataclass(slots=True)
class PreferencePair:
    """A normalised row: text, or message lists; `tools` as the chat template takes them."""

    prompt: str | MessageList
    chosen: str | MessageList
    rejected: str | MessageList
    format: Format
    tools: list[Any] | None = None
    implicit: bool = False
    """Whether the prompt was found as the common beginning of both answers."""

    def conversation(self) -> PreferencePair:
        """Convert the pair to message lists: text becomes a user's and an assistant's message.

        Returns:
            A pair whose prompt and answers are message lists. The white space that separated the
            answers from an implicit prompt, or from an answer's mark at the end of the prompt, is left
            out, since the template separates turns itself.
        """
        chosen, rejected = self.chosen, self.rejected
        is_separated = self.implicit or ending_answer_mark(last_text(self.prompt)) is not None
        if isinstance(chosen, str) and isinstance(rejected, str) and is_separated:
            stripped = chosen.lstrip(), rejected.lstrip()
            if stripped[0] != stripped[1]:
                chosen, rejected = stripped
        return PreferencePair(
            as_messages(self.prompt, "user"),
            as_messages(chosen, "assistant"),
            as_messages(rejected, "assistant"),
            self.format,
            self.tools,
            self.implicit,
        )

    def text(self) -> PreferencePair:
        """Convert a pair of standard format to text, for a model without a chat template.

        Returns:
            A pair of texts, a system prompt joined to the prompt; a conversational pair as it is.
        """
        if isinstance(self.prompt, str) or self.format == "conversational":
            return self
        prompt = "\n\n".join(message["content"] for message in self.prompt)
        return PreferencePair(
            prompt, self.chosen, self.rejected, self.format, self.tools, self.implicit
        )

    def character_counts(self) -> tuple[int, int, int]:
        """Count characters, for models without a tokenizer.

        Returns:
            The lengths of prompt, chosen and rejected in characters.
        """
        return (
            _count_characters(self.prompt),
            _count_characters(self.chosen),
            _count_characters(self.rejected),
        )

    def trl_row(self) -> dict[str, Any]:
        """Convert the pair to a row as TRL's DPOTrainer takes it.

        Returns:
            The columns prompt, chosen and rejected, and tools where the pair has some.
        """
        row = {"prompt": self.prompt, "chosen": self.chosen, "rejected": self.rejected}
        if self.tools is not None:
            # As JSON text, which TRL reads: in a column of objects each row would get the keys of
            # all other rows, with nulls.
            row["tools"] = json.dumps(self.tools, default=str)
        return row


def _count_characters(value: str | MessageList) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(len(message.get("content", "")) for message in value)


def last_text(value: str | MessageList) -> str:
    """Give the text that comes last.

    Args:
        value: Text, or a message list.

    Returns:
        The text, or that of the last message; empty where there is none.
    """
    if isinstance(value, str):
        return value
    return str(value[-1].get("content", "")) if value else ""


def as_messages(value: str | MessageList, role: str) -> MessageList:
    """Convert text to a list of one message.

    Args:
        value: Text, or a message list.
        role: The role of the message that is made of text.

    Returns:
        The message list; one that was given is returned as it is.
    """
    return [{"role": role, "content": value}] if isinstance(value, str) else value


def comparable_bytes(value: str | MessageList) -> bytes:
    """Serialise a prompt or an answer for comparison with those of other rows.

    Text and a single message's text stand for themselves, so that both formats compare equal; of
    several messages the roles are kept too. What else a message holds (tool calls, a name, its
    reasoning) distinguishes it as well.

    Args:
        value: A prompt or an answer of a `PreferencePair`.

    Returns:
        UTF-8 bytes; unpaired surrogates are encoded too.
    """
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    if len(value) == 1 and value[0].keys() == PLAIN_MESSAGE_KEYS:
        return str(value[0]["content"]).encode(errors="surrogatepass")
    return b"\0".join(_comparable_text(message).encode(errors="surrogatepass") for message in value)


def _comparable_text(message: Message) -> str:
    text = f"{message['role']}\1{message.get('content', '')}"
    if message.keys() <= PLAIN_MESSAGE_KEYS:
        return text
    extras = {key: value for key, value in message.items() if key not in PLAIN_MESSAGE_KEYS}
    return f"{text}\2{json.dumps(extras, ensure_ascii=False, sort_keys=True, default=str)}"


class PlainPair(NamedTuple):
    """The texts of a pair whose messages are a role and a text each, as most are: no message objects.

    Each answer is one message of the assistant.
    """

    roles: tuple[str, ...]
    """The roles of the prompt's messages."""
    prompt: tuple[str, ...]
    """The texts of the prompt's messages, as many."""
    chosen: str
    rejected: str

    @classmethod
    def of(cls, pair: PreferencePair) -> PlainPair | None:
        """Take the texts of a conversation.

        Returns:
            The pair; None where a message holds more than role and text, an answer is not one message
            of the assistant, or there are tools.
        """
        answers = (pair.chosen, pair.rejected)
        if pair.tools or not isinstance(pair.prompt, list):
            return None
        contents: list[str] = []
        for answer in answers:
            if len(answer) != 1 or isinstance(answer, str) or not _is_plain(answer[0]):
                return None
            if answer[0]["role"] != "assistant":
                return None
            contents.append(answer[0]["content"])
        if not all(map(_is_plain, pair.prompt)):
            return None
        chosen, rejected = contents
        roles = tuple(message["role"] for message in pair.prompt)
        return cls(roles, tuple(message["content"] for message in pair.prompt), chosen, rejected)

    @property
    def prompt_text(self) -> str:
        """The prompt for a model without a chat template, as `PreferencePair.text` joins it."""
        return "\n\n".join(self.prompt)

    def messages(self) -> list[Message]:
        """The prompt's messages."""
        return [
            {"role": role, "content": content}
            for role, content in zip(self.roles, self.prompt, strict=True)
        ]

    def count_characters(self) -> int:
        """Count the characters of the prompt, the prompt with chosen and the prompt with rejected."""
        return 3 * sum(map(len, self.prompt)) + len(self.chosen) + len(self.rejected)


def _is_plain(message: object) -> bool:
    return (
        isinstance(message, dict)
        and list(message) == PLAIN_KEYS
        and type(message["role"]) is str
        and type(message["content"]) is str
    )
