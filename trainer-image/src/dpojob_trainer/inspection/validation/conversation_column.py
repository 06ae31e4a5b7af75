"""Arrow columns of message lists as numpy arrays: roles and texts of all messages, offsets by row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dpojob_trainer.inspection.layouts import BoolArray, IntArray, TextColumn, is_list, is_text
from dpojob_trainer.shared.rows.messages import KEPT_KEYS, MessageKeyMapping

USER, ASSISTANT, SYSTEM, OTHER = range(4)
ROLES = ("user", "assistant", "system")
"""The roles, indexed by the codes of `ConversationColumn.roles`."""


def _only_part(contents: pa.Array) -> pa.Array:
    """The texts of contents that are lists of one text part each; else an array of nulls."""
    nothing = pa.nulls(1)
    if contents.null_count or not (
        pa.types.is_list(contents.type) or pa.types.is_large_list(contents.type)
    ):
        return nothing
    offsets = np.asarray(contents.offsets)
    parts = contents.values.slice(offsets[0], offsets[-1] - offsets[0])
    if not pa.types.is_struct(parts.type) or parts.null_count or (np.diff(offsets) != 1).any():
        return nothing
    fields = dict(zip([field.name for field in parts.type], parts.flatten(), strict=True))
    sort, text = fields.get("type"), fields.get("text")
    if text is None:
        return nothing
    if sort is None or sort.null_count == len(sort):
        return text
    return text if is_text(sort.type) and pc.all(pc.equal(sort, "text")).as_py() else nothing


@dataclass(frozen=True)
class ConversationColumn:
    """A column of message lists without nulls: messages one after another, `offsets` by row."""

    offsets: IntArray
    roles: NDArray[np.int8]
    contents: TextColumn

    @classmethod
    def of(cls, array: pa.Array, message_keys: MessageKeyMapping) -> ConversationColumn | None:
        """View a column.

        Args:
            array: A column of a batch.
            message_keys: The dataset's keys and role names.

        Returns:
            The view; None unless each message is a role and a text, with nothing else that training
            would get.
        """
        if (
            not is_list(array.type)
            or not pa.types.is_struct(array.type.value_type)
            or array.null_count
        ):
            return None
        if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
            return None
        offsets = np.asarray(array.offsets).astype(np.int64)
        values = array.values.slice(offsets[0], offsets[-1] - offsets[0])
        if values.null_count:
            return None
        fields = dict(zip([field.name for field in values.type], values.flatten(), strict=True))
        role, content = fields.pop(message_keys.role, None), fields.pop(message_keys.content, None)
        if (
            role is None
            or content is None
            or {message_keys.role, message_keys.content} & set(KEPT_KEYS)
        ):
            return None
        if any(len(fields[key]) != fields[key].null_count for key in KEPT_KEYS if key in fields):
            return None
        contents = TextColumn.of(_only_part(content) if is_list(content.type) else content)
        if contents is None or role.null_count:
            return None
        if pa.types.is_dictionary(role.type):
            role = role.dictionary_decode()
        if not is_text(role.type):
            return None
        coded = role.dictionary_encode()
        known = {
            message_keys.system: SYSTEM,
            message_keys.assistant: ASSISTANT,
            message_keys.user: USER,
        }
        codes = np.array([known.get(name, OTHER) for name in coded.dictionary.to_pylist()], np.int8)
        roles = codes[np.asarray(coded.indices)] if len(codes) else np.zeros(0, np.int8)
        return cls(offsets - offsets[0], roles, contents)

    @classmethod
    def answers(cls, texts: TextColumn) -> ConversationColumn:
        """View each text as a conversation of one assistant's message.

        Args:
            texts: The texts.

        Returns:
            The conversations, one a row.
        """
        count = len(texts.array)
        return cls(np.arange(count + 1), np.full(count, ASSISTANT, np.int8), texts)

    def messages(self) -> tuple[list[str], list[str]]:
        """Copy all messages.

        Returns:
            Their roles and texts. Messages of other roles than the three are the user's here.
        """
        roles = np.array(ROLES)[np.where(self.roles == OTHER, USER, self.roles)].tolist()
        return roles, self.contents.texts(np.arange(len(self.roles)))

    @cached_property
    def counts(self) -> IntArray:
        """Messages in each row."""
        return np.diff(self.offsets)

    def any(self, messages: BoolArray) -> BoolArray:
        """Tell which rows have such a message.

        Args:
            messages: Shape (messages,): whether each one is such a message.

        Returns:
            Shape (rows,): whether a message of the row is.
        """
        total = np.concatenate(([0], np.cumsum(messages)))
        return np.asarray(total[self.offsets[1:]] > total[self.offsets[:-1]])

    def at(self, messages: NDArray[np.generic], place: IntArray) -> NDArray[np.generic]:
        """Take a property of one message of each row.

        Args:
            messages: The property of all messages.
            place: The index into all messages, for each row.

        Returns:
            The property of the messages at `place`.
        """
        if not len(messages):
            return np.zeros(len(place), messages.dtype)
        return messages[np.minimum(np.maximum(place, 0), len(messages) - 1)]
