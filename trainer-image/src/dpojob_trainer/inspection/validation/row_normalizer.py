"""One row: from the dataset's columns to the pair that training uses, or to its first error.

This is the only definition of a valid row. `validate_columns` only finds, much faster, rows for which
this would find no error; `accepted_rows` gives training what this returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.inspection.layouts import ColumnLayout
from dpojob_trainer.shared.rows.messages import InvalidMessages, read_messages
from dpojob_trainer.shared.rows.preference_pair import (
    Format,
    MessageList,
    PreferencePair,
    as_messages,
    last_text,
)
from dpojob_trainer.shared.rows.row_error import RowError

from .message_mapping import suggest_message_mapping
from .turn_mark_check import find_turn_mark
from .value_checks import find_invalid_value, read_tools


def normalize_row(
    layout: ColumnLayout, row: Mapping[str, Any], expected: Format | None = None
) -> PreferencePair | RowError:
    """Normalise a row.

    Args:
        layout: How the dataset's columns are read.
        row: The row, by column.
        expected: The dataset's format, once it is known.

    Returns:
        The pair, or the row's first error.
    """
    values = layout.read(row)
    if isinstance(values, RowError):
        return values
    error = find_invalid_value(layout, values)
    if error is not None:
        return error
    try:
        pair = _read(layout, values)
    except InvalidMessages as problem:
        return _invalid_messages(layout, values, problem)
    except RecursionError:
        return RowError(
            ProblemCode.WRONG_TYPE, "a value is nested too deeply", "flatten these rows"
        )
    if isinstance(pair, RowError):
        return pair
    if expected is not None and pair.format != expected:
        return RowError(
            ProblemCode.AMBIGUOUS_FORMAT,
            "text where other rows hold message lists"
            if pair.format == "standard"
            else "message lists where other rows hold text",
        )
    return _find_meaningless(layout, pair) or pair


def _invalid_messages(
    layout: ColumnLayout, values: Mapping[str, Any], problem: InvalidMessages
) -> RowError:
    """The error, with the mapping to write where the messages use other names than were mapped."""
    messages = [
        turn
        for name in ("prompt", "chosen", "rejected")
        if isinstance(value := values.get(name), list)
        for turn in value
    ]
    names = {} if problem.remedy else suggest_message_mapping(messages)
    mapped = layout.message_keys.mapping
    if all(mapped.get(key) == name for key, name in names.items()):
        return RowError(ProblemCode.BAD_MESSAGE, str(problem), problem.remedy)
    return RowError(
        ProblemCode.BAD_MESSAGE, str(problem), message_mapping=tuple({**mapped, **names}.items())
    )


def _read(layout: ColumnLayout, values: Mapping[str, Any]) -> PreferencePair | RowError:
    system = values.get("system") or ""
    tools = values.get("tools")
    if tools is not None:
        tools = read_tools(layout, tools)
        if isinstance(tools, RowError):
            return tools
    if isinstance(values["chosen"], str):
        return _from_text(layout, values, system, tools)
    return _from_lists(layout, values, system, tools)


def _from_text(
    layout: ColumnLayout, values: Mapping[str, Any], system: str, tools: list[Any] | None
) -> PreferencePair | RowError:
    chosen, rejected, prompt = values["chosen"], values["rejected"], values.get("prompt")
    if prompt is None:
        if chosen == rejected:
            return RowError(ProblemCode.IDENTICAL_PAIR, _equal_answers(layout))
        cut = _common_words_length(chosen, rejected)
        if not chosen[:cut].strip():
            return RowError(
                ProblemCode.PROMPT_MISMATCH,
                f"{layout.name('chosen')} and {layout.name('rejected')} share no beginning "
                "that could be the prompt",
            )
        prompt, chosen, rejected = chosen[:cut], chosen[cut:], rejected[cut:]
        return PreferencePair(
            _with_system(prompt, system), chosen, rejected, "standard", tools, True
        )
    if isinstance(prompt, str):
        if system.strip() and prompt.strip():
            prompt = _with_system(prompt, system)
        return PreferencePair(prompt, chosen, rejected, "standard", tools)
    messages = _system_first(read_messages(prompt, layout.message_keys), system)
    return PreferencePair(
        messages,
        as_messages(chosen, "assistant"),
        as_messages(rejected, "assistant"),
        "conversational",
        tools,
    )


def _with_system(prompt: str, system: str) -> Any:
    """A system text before a text prompt: two messages, which a model without a template joins."""
    if not system.strip():
        return prompt
    return [{"role": "system", "content": system}, {"role": "user", "content": prompt}]


def _common_words_length(chosen: str, rejected: str) -> int:
    """The length of the common beginning, cut back so that no word is split between prompt and answer."""
    limit = min(len(chosen), len(rejected))
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if chosen[:middle] == rejected[:middle]:
            low = middle
        else:
            high = middle - 1
    cut = low
    if not (chosen[cut : cut + 1].isspace() and rejected[cut : cut + 1].isspace()):
        while cut > 0 and not chosen[cut - 1].isspace():
            cut -= 1
    # The white space goes with the answer, where tokenizers expect it.
    while cut > 0 and chosen[cut - 1].isspace():
        cut -= 1
    return cut


def _from_lists(
    layout: ColumnLayout, values: Mapping[str, Any], system: str, tools: list[Any] | None
) -> PreferencePair | RowError:
    chosen = read_messages(values["chosen"], layout.message_keys)
    rejected = read_messages(values["rejected"], layout.message_keys)
    for field, messages in (("chosen", chosen), ("rejected", rejected)):
        if not messages:
            return RowError(ProblemCode.EMPTY_TEXT, f"{layout.name(field)} is an empty list")
        if messages[-1]["role"] != "assistant":
            return RowError(
                ProblemCode.LAST_TURN_NOT_ASSISTANT,
                f"{layout.name(field)} ends with the turn of {messages[-1]['role']!r}",
            )
    prompt = values.get("prompt")
    whole = chosen[0]["role"] != "assistant" or rejected[0]["role"] != "assistant"
    if prompt is None:
        return _split(layout, chosen, rejected, system, tools)
    if isinstance(prompt, str):
        if whole:
            # The lists hold the whole conversation; the prompt column repeats its opening.
            pair = _split(layout, chosen, rejected, system, tools)
            if isinstance(pair, PreferencePair) and not _contains_prompt(pair.prompt, prompt):
                return RowError(
                    ProblemCode.PROMPT_MISMATCH,
                    f"{layout.name('prompt')} is not the prompt inside {layout.name('chosen')}",
                )
            return replace(pair, implicit=False) if isinstance(pair, PreferencePair) else pair
        if not prompt.strip():
            return RowError(ProblemCode.EMPTY_PROMPT, f"{layout.name('prompt')} is empty")
        opening: MessageList = [{"role": "user", "content": prompt}]
    else:
        opening = read_messages(prompt, layout.message_keys)
        if whole:
            size = len(opening)
            if chosen[:size] != opening or rejected[:size] != opening:
                return RowError(
                    ProblemCode.PROMPT_MISMATCH,
                    f"{layout.name('chosen')} or {layout.name('rejected')} begins a conversation "
                    f"of its own, other than {layout.name('prompt')}",
                )
            chosen, rejected = chosen[size:], rejected[size:]
            if not chosen or not rejected:
                return RowError(ProblemCode.EMPTY_TEXT, "nothing follows the prompt")
    return PreferencePair(_system_first(opening, system), chosen, rejected, "conversational", tools)


def _contains_prompt(messages: str | MessageList, prompt: str) -> bool:
    wanted = prompt.strip()
    contents = [str(turn.get("content", "")).strip() for turn in messages if isinstance(turn, dict)]
    return wanted in contents or not wanted or "\n\n".join(contents).strip() == wanted


def _split(
    layout: ColumnLayout,
    chosen: MessageList,
    rejected: MessageList,
    system: str,
    tools: list[Any] | None,
) -> PreferencePair | RowError:
    """Whole conversations: what they share is the prompt, what differs are the answers."""
    if chosen == rejected:
        return RowError(ProblemCode.IDENTICAL_PAIR, _equal_answers(layout))
    size = 0
    for left, right in zip(chosen, rejected, strict=False):
        if left != right:
            break
        size += 1
    names = f"{layout.name('chosen')} and {layout.name('rejected')}"
    if size == 0 and (chosen[0]["role"] == "assistant" and rejected[0]["role"] == "assistant"):
        return RowError(
            ProblemCode.EMPTY_PROMPT, f"{names} hold the answer only, and no prompt is given"
        )
    if size == len(chosen) or size == len(rejected):
        return RowError(ProblemCode.PROMPT_MISMATCH, f"{names}: one is the beginning of the other")
    if chosen[size]["role"] != "assistant" or rejected[size]["role"] != "assistant":
        return RowError(
            ProblemCode.PROMPT_MISMATCH, f"{names} differ before the assistant's answer"
        )
    prompt = _system_first(chosen[:size], system)
    return PreferencePair(prompt, chosen[size:], rejected[size:], "conversational", tools, True)


def _system_first(messages: MessageList, system: str) -> MessageList:
    if not system.strip() or (messages and messages[0]["role"] in ("system", "developer")):
        return messages
    return [{"role": "system", "content": system}, *messages]


def _find_meaningless(layout: ColumnLayout, pair: PreferencePair) -> RowError | None:
    """The error of a pair on which TRL would train without a warning although it means nothing."""
    for field, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        last = answer if isinstance(answer, str) else answer[-1].get("content", "")
        if not last.strip() and (isinstance(answer, str) or not answer[-1].get("tool_calls")):
            return RowError(ProblemCode.EMPTY_TEXT, f"{layout.name(field)} is empty")
        if not isinstance(answer, str):
            if answer[-1]["role"] != "assistant":
                return RowError(
                    ProblemCode.LAST_TURN_NOT_ASSISTANT,
                    f"{layout.name(field)} ends with the turn of {answer[-1]['role']!r}",
                )
            if answer[0]["role"] != "assistant":
                return RowError(
                    ProblemCode.BAD_MESSAGE,
                    f"{layout.name(field)} begins with the turn of {answer[0]['role']!r}",
                )
    if isinstance(pair.prompt, str):
        if not pair.prompt.strip():
            return RowError(
                ProblemCode.EMPTY_PROMPT, f"{layout.name('prompt') or 'the prompt'} is empty"
            )
    else:
        prompt_turns = [turn for turn in pair.prompt if turn["role"] in ("user", "tool")]
        if not prompt_turns or not any(
            str(turn.get("content", "")).strip() for turn in prompt_turns
        ):
            return RowError(
                ProblemCode.EMPTY_PROMPT, "no user's turn with text comes before the answer"
            )
        if pair.prompt[-1]["role"] == "assistant":
            return RowError(
                ProblemCode.BAD_MESSAGE,
                "the prompt ends with the assistant's turn",
                _remedy_of_assistants_prompt(layout, pair),
            )
    if pair.chosen == pair.rejected:
        return RowError(ProblemCode.IDENTICAL_PAIR, _equal_answers(layout))
    return find_turn_mark(layout, pair)


def _remedy_of_assistants_prompt(layout: ColumnLayout, pair: PreferencePair) -> str:
    last = last_text(pair.prompt)
    for field, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        if last_text(answer[:1]) == last:
            return (
                f"that turn is the answer in {layout.name(field)} once more: remove it from the prompt, "
                "which then ends with the user's turn"
            )
    return "move that turn to the beginning of both answers, or end the prompt with the user's turn"


def _equal_answers(layout: ColumnLayout) -> str:
    return f"{layout.name('chosen')} equals {layout.name('rejected')}"
