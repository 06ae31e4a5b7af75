"""The mapping to suggest when columns are missing, by names, types and a sample of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dpojob_api.report import Problem, ProblemCode, Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import FIELDS, Schema, columns_of

from .answer_columns import guess_answers, prompt_inside
from .column_heuristics import simplified, undecided_pair
from .conversation_roles import suggest_conversation
from .label_values import are_labels
from .nested_pairs import describe_nested_pairs
from .other_datasets import describe_media, describe_other_dataset
from .preference_columns import PreferenceColumns
from .prompt_columns import (
    DISTINCT_SHARE,
    PromptGuess,
    guess_prompt,
    in_reading_order,
    is_prompt_by_texts,
    parts_of_prompt,
    readable,
)
from .row_sample import Sample, texts


def quoted(columns: Sequence[str], limit: int = 24) -> str:
    """List columns in a message.

    Args:
        columns: Their names.
        limit: How many are named.

    Returns:
        The names, long ones clipped, and how many more there are.
    """
    shown = ", ".join(
        column if len(column) <= 60 else column[:57] + "..." for column in columns[:limit]
    )
    return shown + (f" and {len(columns) - limit} more" if len(columns) > limit else "")


def missing_columns(
    found: Mapping[str, str], wanted: Mapping[str, Sequence[str]], schema: Schema, rows: Sample
) -> list[Problem]:
    """Find missing columns; the prompt is missing where another column seems to be it.

    Args:
        found: The columns that are known, by field.
        wanted: The columns that the user or a preset names, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        At most one problem.
    """
    absent = [name for name in ("chosen", "rejected") if name not in found and name not in wanted]
    if "prompt" not in found and "prompt" not in wanted:
        has_messages = any(schema.get(found[name]) == "messages" for name in found)
        # A mapping of both answers makes every other column irrelevant, except one named like a prompt.
        decided = {"chosen", "rejected"} <= set(wanted)
        guessed = guess_prompt(found, schema, rows)
        column = guessed.column
        if absent:
            absent = absent if has_messages else ["prompt", *absent]
        elif (column is not None and not (decided and is_prompt_by_texts(column))) or (
            len(guessed.candidates) > 1 and not decided
        ):
            absent = ["prompt"]
    if not absent:
        return []
    wants = " and ".join(absent) if len(absent) < 3 else "prompt, chosen and rejected"
    noun = "column" if len(absent) == 1 else "columns"
    return [
        Problem(
            code=ProblemCode.MISSING_COLUMN,
            message=f"no {noun} {wants}; the dataset's columns are: {quoted(columns_of(schema))}.",
        )
    ]


def suggest_mapping(
    problems: list[Problem], found: Mapping[str, str], schema: Schema, rows: Sample
) -> tuple[Suggestion | None, PreferenceColumns | None]:
    """Suggest a mapping, and add it to the first problem's message.

    Args:
        problems: The problems; the first one is replaced.
        found: The columns that are known, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The suggestion, and two answer columns of which only preference labels or scores can tell which is
        preferred.
    """
    advice = _Advice(problems[0].message, found, schema, rows)
    advice.write()
    problems[0] = problems[0].model_copy(
        update={"message": advice.text, "code": advice.code(problems[0])}
    )
    return advice.suggestion, advice.undecided


class _Advice:
    """The text and the suggestion for a dataset whose columns are not all known."""

    def __init__(self, text: str, found: Mapping[str, str], schema: Schema, rows: Sample) -> None:
        self.text, self._found, self._schema, self._rows = text, found, schema, rows
        self.suggestion: Suggestion | None = None
        self.undecided: PreferenceColumns | None = None
        self._is_other_dataset = False

    def code(self, problem: Problem) -> ProblemCode:
        """The code of the problem: that of another kind of dataset, where it is one."""
        return ProblemCode.NOT_PREFERENCE if self._is_other_dataset else problem.code

    def write(self) -> None:
        """Decide what to suggest, or what to ask."""
        answers = guess_answers(self._found, self._schema, self._rows)
        pair = self._undecided_pair()
        if pair is not None and self._are_labels(answers, pair):
            self._ask_which(pair)
            return
        known = {**self._found, **answers}
        if {"chosen", "rejected"} <= known.keys():
            media = describe_media([known["chosen"], known["rejected"]], self._rows)
            if media is not None:
                self._refuse(media)
            else:
                self._suggest(answers, known)
            return
        conversation = suggest_conversation(known, self._schema, self._rows)
        if conversation is not None:
            self.text += f" {conversation[0]}"
            self.suggestion = conversation[1]
            return
        if self._has_no_names():
            self.text += f" The file has no header line, so that its columns have numbers. {self._in_order()}"
            return
        if pair is not None:
            self._ask_which(pair)
            return
        nested = describe_nested_pairs(self._schema, self._rows) if not answers else None
        other = describe_other_dataset(self._schema, self._rows) if not answers else None
        if nested is not None:
            self.text += f" {nested}"
        elif other is not None:
            self._refuse(other)
        elif not {"chosen", "rejected"} & known.keys():
            self.text += (
                " None of them looks like a preferred or a rejected answer; DPO needs two answers to "
                "each prompt. If they are there under other names, write in spec.dataset: "
                "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
            )
        else:
            missing = "rejected" if "chosen" in known else "chosen"
            self.text += (
                f" {known.get('chosen') or known.get('rejected')!r} looks like the "
                f"{'preferred' if 'chosen' in known else 'other'} answer; name the column of {missing} "
                "too: columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
            )

    def _has_no_names(self) -> bool:
        columns = columns_of(self._schema)
        return columns == [f"column_{number}" for number in range(1, len(columns) + 1)]

    def _in_order(self) -> str:
        """What to write for columns that have numbers."""
        count = len(columns_of(self._schema))
        if count == 2:
            return (
                "If both answers begin with their prompt and the first is the preferred one, write "
                "columnMapping: {chosen: column_1, rejected: column_2}, else the other way round."
            )
        if count == 3:
            return (
                "If the first is the prompt and the second the preferred answer, write columnMapping: "
                "{prompt: column_1, chosen: column_2, rejected: column_3}, else name them in their order."
            )
        return "Name them: columnMapping: {prompt: column_..., chosen: column_..., rejected: column_...}."

    def _refuse(self, text: str) -> None:
        self.text += f" {text}"
        self._is_other_dataset = True

    def _undecided_pair(self) -> tuple[str, str] | None:
        free = [c for c in readable(self._schema) if c not in self._found.values()]
        prompt = guess_prompt(self._found, self._schema, self._rows)
        pair = undecided_pair([column for column in free if column != prompt.column])
        if pair is None or self._schema[pair[0]] != self._schema[pair[1]]:
            return None
        return pair

    def _are_labels(self, answers: Mapping[str, str], pair: tuple[str, str]) -> bool:
        """Whether guessed answers, such as winner and loser, only name one of a pair in each row."""
        repeated, written = [
            [len(set(found)) < DISTINCT_SHARE * len(found) for found in values]
            for values in (
                [texts(self._rows, column) for column in answers.values()],
                [texts(self._rows, column) for column in pair],
            )
        ]
        named = [are_labels(texts(self._rows, column), *pair) for column in answers.values()]
        return bool(answers) and (all(named) or (all(repeated) and not any(written)))

    def _ask_which(self, pair: tuple[str, str]) -> None:
        both = {"chosen": pair[0], "rejected": pair[1]}
        columns = [c for c in columns_of(self._schema) if c not in pair]
        prompt = self._prompt(both)
        undecided = PreferenceColumns.of(*pair, self._prompt_entry(prompt, both), columns)
        asks_prompt = (
            "prompt" not in self._found
            and prompt.column is None
            and self._schema[pair[0]] == "text"
        )
        if asks_prompt and not undecided.columns and not prompt.candidates:
            self._refuse(
                f"{pair[0]!r} and {pair[1]!r} are two options, but no column is their prompt and none "
                "says which is preferred. DPO needs a prompt, a preferred and another answer in each row."
            )
            return
        if asks_prompt and prompt.candidates:
            self.text += f" {self._ask_prompt(prompt)}"
        self.undecided = undecided

    def _prompt(self, known: Mapping[str, str]) -> PromptGuess:
        if "prompt" in self._found:
            return PromptGuess()
        inside = prompt_inside(known, self._schema)
        if inside is not None:
            return PromptGuess(inside, by_name=True)
        return guess_prompt({**self._found, **known}, self._schema, self._rows)

    def _prompt_entry(self, prompt: PromptGuess, known: Mapping[str, str]) -> dict[str, Any]:
        """The prompt of a mapping: a column, or an instruction with its input."""
        if prompt.column is None:
            mapped = self._found.get("prompt", "prompt")
            return {} if mapped == "prompt" else {"prompt": mapped}
        parts = [
            part
            for part in parts_of_prompt(
                prompt.column, [*self._found.values(), *known.values()], self._schema, self._rows
            )
            if simplified(prompt.column) == "instruction" and simplified(part) == "input"
        ]
        if parts:
            return {"prompt": in_reading_order(prompt.column, parts)}
        return {"prompt": prompt.column}

    def _ask_prompt(self, prompt: PromptGuess) -> str:
        return (
            f"Which column is the prompt is not certain: {quoted(prompt.candidates, 6)}. Name it in "
            "columnMapping.prompt, several as a list."
        )

    def _suggest(self, answers: Mapping[str, str], known: Mapping[str, str]) -> None:
        prompt = self._prompt(known)
        if prompt.candidates and prompt.column is None and "prompt" not in self._found:
            self.text += f" {self._ask_prompt(prompt)}"
            if answers:
                self.text += f" The answers: {flow_yaml(dict(answers))}."
            return
        renamed = {name: c for name, c in self._found.items() if name != c and name in FIELDS}
        mapping = {**renamed, **self._prompt_entry(prompt, known), **answers}
        mapping = {name: mapping[name] for name in FIELDS if name in mapping}
        if not mapping:
            self.text += (
                " Say which is which in spec.dataset, like "
                "columnMapping: {prompt: ..., chosen: ..., rejected: ...}."
            )
            return
        self.text += f" Write in spec.dataset: columnMapping: {flow_yaml(mapping)}."
        self.suggestion = Suggestion(column_mapping=mapping)
        prompt_alone = mapping.get("prompt") if list(mapping) == ["prompt"] else None
        if isinstance(prompt_alone, str) and is_prompt_by_texts(prompt_alone):
            both = {name: known[name] for name in ("chosen", "rejected")}
            self.text += (
                " If the prompt is the beginning that both answers share, write columnMapping: "
                f"{flow_yaml(both)} instead."
            )
