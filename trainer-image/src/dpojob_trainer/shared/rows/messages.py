"""Message lists: reading one with the dataset's keys and role names into role and content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dpojob_api.spec import MessageMapping

Message = dict[str, Any]

FALLBACK_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML, used for conversations where the tokenizer has no chat template."""

KEPT_KEYS = ("name", "tool_calls", "tool_call_id", "reasoning_content", "thinking")
"""Further keys of a message that chat templates read; everything else is left out."""

OTHER_ROLES = ("tool", "developer")
"""Roles that stay as they are, besides the mapped user, assistant and system."""

TOOL_RESULT_ROLE = "observation"
TOOL_CALL_ROLE = "function_call"
"""ShareGPT's roles of a tool's result and of the model's call, whose text is JSON (LLaMA-Factory's
`data/README.md`); they are read as `tool` and as an assistant's message with `tool_calls`."""

COMMON_KEYS = (
    ("from", "value"), ("speaker", "text"), ("role", "value"), ("role", "text"), ("from", "content"),
)  # fmt: skip
ROLE_KEYS = ("role", "from", "speaker")
COMMON_ROLES = {
    "user": ("user", "human", "prompter", "question", "instruction", "input"),
    "assistant": (
        "assistant", "gpt", "model", "bot", "chatgpt", "ai", "agent", "answer", "output", "response",
    ),
    "system": ("system", "sys"),
}  # fmt: skip
"""Other names seen in published data, for suggestions only; never assumed."""

TEXT_ONLY = (
    "DPOJob trains on text, and the model would not see the other parts; remove these rows, or the parts "
    "where the answers do not depend on them"
)


class InvalidMessages(ValueError):
    """A message list cannot be read; the text is one clause for the user, `remedy` says what to do."""

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
        """Convert the spec's mapping.

        Args:
            mapping: `columnMapping.messages`; None for the standard names.

        Returns:
            The mapping, with the standard name for each that is not given.
        """
        if mapping is None:
            return cls()
        return cls(mapping.role, mapping.content, mapping.user, mapping.assistant, mapping.system)

    @property
    def mapping(self) -> dict[str, str]:
        """The mapping as `columnMapping.messages` has it: the names that are not the standard ones."""
        standard = MessageKeyMapping()
        return {key: name for key, name in asdict(self).items() if name != getattr(standard, key)}

    @property
    def roles(self) -> dict[str, str]:
        """The standard role for each of the dataset's role names."""
        named = {self.system: "system", self.assistant: "assistant", self.user: "user"}
        calls = {TOOL_RESULT_ROLE: "tool", TOOL_CALL_ROLE: "assistant"}
        return {**{role: role for role in OTHER_ROLES}, **calls, **named}


def standard_role(role: Any) -> Any:
    """Give the standard role for a name common in published data.

    Args:
        role: The value of a message's role.

    Returns:
        The role as `MessageKeyMapping.roles` knows it; one that is not common as it is.
    """
    name = str(role).lower()
    return next((r for r, spellings in COMMON_ROLES.items() if name in spellings), role)


def is_message(value: Any, mapping: MessageKeyMapping) -> bool:
    """Tell whether a value is a single message, which stands for a list of one.

    Args:
        value: A value of a column.
        mapping: The dataset's keys and role names.

    Returns:
        Whether it is an object with a role, by the dataset's key or one of those common in other data.
    """
    return isinstance(value, Mapping) and any(
        value.get(key) is not None for key in (mapping.role, *ROLE_KEYS)
    )


def read_messages(value: list[Any], mapping: MessageKeyMapping) -> list[Message]:
    """The list as role/content messages. Raises BadMessages with the reason."""
    roles = mapping.roles
    return [_read_message(item, mapping, roles) for item in value]


def _read_message(item: Any, mapping: MessageKeyMapping, roles: Mapping[str, str]) -> Message:
    if not isinstance(item, Mapping):
        raise InvalidMessages(
            f"a message is {describe_type(item)}, not an object with role and content"
        )
    role = item.get(mapping.role)
    if role is None:
        raise InvalidMessages(f"a message has no {mapping.role!r}{_keys_hint(item)}")
    known = roles.get(role) if isinstance(role, str) else None
    if known is None:
        raise InvalidMessages(f"unknown role {str(role)[:40]!r}")
    message: Message = {"role": known}
    extras = {key: item[key] for key in KEPT_KEYS if item.get(key) is not None}
    if extras:
        _require_unicode(extras)
    content = item.get(mapping.content)
    if role == TOOL_CALL_ROLE and role != mapping.assistant and isinstance(content, str):
        return {**message, "content": "", "tool_calls": _read_tool_calls(content)}
    if content is None:
        if not extras.get("tool_calls"):
            raise InvalidMessages(f"a message has no {mapping.content!r}{_keys_hint(item)}")
    else:
        message["content"] = _read_content(content)
    for key, extra in extras.items():
        if key != mapping.content:
            message[key] = without_nulls(extra)
    if "tool_calls" in message:
        message["tool_calls"] = _with_arguments(message["tool_calls"])
    return message


def _with_arguments(calls: Any) -> Any:
    """The calls with arguments that are JSON text, as OpenAI's API has them, as the object.

    Chat templates take an object ("Tool use" in transformers' documentation) and write it as JSON.
    """
    if not isinstance(calls, list):
        return calls
    return [_with_parsed_arguments(call) for call in calls]


def _with_parsed_arguments(call: Any) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"])
    except (ValueError, RecursionError):
        return call
    if not isinstance(arguments, dict):
        return call
    _require_unicode(arguments)
    return {**call, "function": {**function, "arguments": arguments}}


def _read_tool_calls(text: str) -> list[dict[str, Any]]:
    """The calls in a message of the role `function_call`: one call, or a list of calls, as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, Mapping) and call.get("name") for call in calls):
        raise InvalidMessages(
            f"a message of the role {TOOL_CALL_ROLE!r} is not JSON with a name and arguments"
        )
    _require_unicode(calls)
    return [
        {
            "type": "function",
            "function": {"name": call["name"], "arguments": call.get("arguments") or {}},
        }
        for call in calls
    ]


def _read_content(content: Any) -> str:
    if isinstance(content, str):
        if not is_unicode(content):
            raise InvalidMessages("a message's text holds half a surrogate pair")
        return content
    if isinstance(content, list):
        return "".join(_read_part(part) for part in content)
    raise InvalidMessages(f"a message's content is {describe_type(content)}, not text")


def _read_part(part: Any) -> str:
    if isinstance(part, str):
        return _read_content(part)
    if isinstance(part, Mapping):
        part_type = part.get("type")
        text = part["text"] if part.get("text") is not None else part.get("value")
        if part_type in (None, "text") and isinstance(text, str):
            return _read_content(text)
        raise InvalidMessages(f"a content part is of type {str(part_type)[:40]!r}", TEXT_ONLY)
    raise InvalidMessages(f"a content part is {describe_type(part)}, not text")


def _require_unicode(value: Any) -> None:
    """Raise InvalidMessages where a text inside a value cannot be encoded as UTF-8."""
    if not is_unicode(json.dumps(value, ensure_ascii=False, default=str)):
        raise InvalidMessages("a message holds half a surrogate pair")


def is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded as UTF-8.

    Args:
        text: Any text; JSON can hold unpaired surrogates.

    Returns:
        Whether it has no unpaired surrogate.
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_nulls(value: Any) -> Any:
    """Remove null entries, which columnar files add to objects.

    Args:
        value: A JSON value.

    Returns:
        The value with no null in any object.
    """
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _keys_hint(item: Mapping[str, Any]) -> str:
    keys = ", ".join(
        repr(str(key)[:40]) for key, value in list(item.items())[:6] if value is not None
    )
    return f" (it has {keys})" if keys else ""


def describe_type(value: Any) -> str:
    """Describe a value's type for a message.

    Args:
        value: A JSON value.

    Returns:
        A noun such as "a list".
    """
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
