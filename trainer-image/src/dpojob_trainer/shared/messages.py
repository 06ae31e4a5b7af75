"""Message lists: reading one under the user's own keys and roles, into role and content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dpojob_api.spec import MessageMapping

Message = dict[str, Any]

KEPT_KEYS = ("name", "tool_calls", "tool_call_id", "reasoning_content", "thinking")
"""Further keys of a message that chat templates read; everything else is left out."""

OTHER_ROLES = ("tool", "developer")
"""Roles that stay as they are, besides the mapped user, assistant and system."""

COMMON_KEYS = (("from", "value"), ("speaker", "text"), ("role", "value"), ("role", "text"))
COMMON_ROLES = {
    "user": ("user", "human", "prompter", "question", "instruction", "input"),
    "assistant": (
        "assistant", "gpt", "model", "bot", "chatgpt", "ai", "answer", "output", "response",
    ),
    "system": ("system", "sys"),
}  # fmt: skip
"""Other spellings seen in published data, for the suggestion only; never assumed."""


ONLY_TEXT = "training reads text parts only; remove these rows, or their other parts"


class InvalidMessages(ValueError):
    """A message list cannot be read; the text is one short clause for the user, `way` what to do."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


@dataclass(frozen=True)
class MessageKeyMapping:
    """The keys and roles a dataset uses inside its message lists."""

    role: str = "role"
    content: str = "content"
    user: str = "user"
    assistant: str = "assistant"
    system: str = "system"

    @classmethod
    def of(cls, mapping: MessageMapping | None) -> MessageKeyMapping:
        """The dialect that `columnMapping.messages` describes."""
        if mapping is None:
            return cls()
        return cls(mapping.role, mapping.content, mapping.user, mapping.assistant, mapping.system)

    @property
    def mapping(self) -> dict[str, str]:
        """As `columnMapping.messages` has it: the names that are not the usual ones."""
        usual = MessageKeyMapping()
        return {key: name for key, name in asdict(self).items() if name != getattr(usual, key)}

    @property
    def roles(self) -> dict[str, str]:
        """The dataset's role names, to the standard ones."""
        named = {self.system: "system", self.assistant: "assistant", self.user: "user"}
        return {**{role: role for role in OTHER_ROLES}, **named}


def read_messages(value: list[Any], dialect: MessageKeyMapping) -> list[Message]:
    """The list as role/content messages. Raises BadMessages with the reason."""
    roles = dialect.roles
    return [_read_message(item, dialect, roles) for item in value]


def _read_message(item: Any, dialect: MessageKeyMapping, roles: Mapping[str, str]) -> Message:
    if not isinstance(item, Mapping):
        raise InvalidMessages(f"a message is {kind(item)}, not an object with role and content")
    role = item.get(dialect.role)
    if role is None:
        raise InvalidMessages(f"a message has no {dialect.role!r}{_keys_hint(item)}")
    known = roles.get(role) if isinstance(role, str) else None
    if known is None:
        raise InvalidMessages(f"unknown role {str(role)[:40]!r}")
    message: Message = {"role": known}
    extras = {key: item[key] for key in KEPT_KEYS if item.get(key) is not None}
    if extras and not is_unicode(json.dumps(extras, ensure_ascii=False, default=str)):
        raise InvalidMessages("a message holds half a surrogate pair")
    content = item.get(dialect.content)
    if content is None:
        if not extras.get("tool_calls"):
            raise InvalidMessages(f"a message has no {dialect.content!r}{_keys_hint(item)}")
    else:
        message["content"] = _read_content(content)
    for key, extra in extras.items():
        if key != dialect.content:
            message[key] = plain(extra)
    return message


def _read_content(content: Any) -> str:
    if isinstance(content, str):
        if not is_unicode(content):
            raise InvalidMessages("a message's text holds half a surrogate pair")
        return content
    if isinstance(content, list):
        return "".join(_read_part(part) for part in content)
    raise InvalidMessages(f"a message's content is {kind(content)}, not text")


def _read_part(part: Any) -> str:
    if isinstance(part, str):
        return _read_content(part)
    if isinstance(part, Mapping):
        sort = part.get("type")
        text = part.get("text")
        if sort in (None, "text") and isinstance(text, str):
            return _read_content(text)
        raise InvalidMessages(f"a content part is of type {str(sort)[:40]!r}", ONLY_TEXT)
    raise InvalidMessages(f"a content part is {kind(part)}, not text")


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: no half of a surrogate pair in it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(value: Any) -> Any:
    """The value without the null entries that columnar files add to objects."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def suggest_dialect(value: list[Any]) -> dict[str, str]:
    """What to write under `columnMapping.messages` for lists like this one; empty when unknown."""
    items = [item for item in value if isinstance(item, Mapping)]
    if not items:
        return {}
    present = {key for item in items for key, field in item.items() if field is not None}
    found: dict[str, str] = {}
    role_key, content_key = "role", "content"
    if not {"role", "content"} <= present:
        for role_name, content_name in COMMON_KEYS:
            if {role_name, content_name} <= present:
                role_key, content_key = role_name, content_name
                break
        else:
            return {}
    if role_key != "role":
        found["role"] = role_key
    if content_key != "content":
        found["content"] = content_key
    seen = {str(item.get(role_key)) for item in items}
    for standard, spellings in COMMON_ROLES.items():
        for spelling in spellings:
            match = next((role for role in seen if role.lower() == spelling), None)
            if match is not None and standard not in seen:
                found[standard] = match
                break
    return found


def _keys_hint(item: Mapping[str, Any]) -> str:
    keys = ", ".join(
        repr(str(key)[:40]) for key, value in list(item.items())[:6] if value is not None
    )
    return f" (it has {keys})" if keys else ""


def kind(value: Any) -> str:
    """What a value is, as a person says it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return type(value).__name__
