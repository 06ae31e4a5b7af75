"""The problems that an inspection finds: their codes, rows and messages."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from dpojob_api.base import Count, LenientModel


class ProblemCode(StrEnum):
    """What may be wrong with a dataset. Severity is error unless the comment says warning."""

    MISSING_COLUMN = "MissingColumn"
    """No column for prompt, chosen or rejected; carries a suggestion when a near name exists. As a warning: a column that may be a part of the pairs is not read."""
    AMBIGUOUS_FORMAT = "AmbiguousFormat"
    """The values are of more than one format, or more than one reading fits."""
    WRONG_TYPE = "WrongType"
    """A value is neither text nor a list of messages."""
    NULL_VALUE = "NullValue"
    """A value is null."""
    EMPTY_TEXT = "EmptyText"
    """An answer, or a message of the last turn, is empty or white space."""
    IDENTICAL_PAIR = "IdenticalPair"
    """chosen equals rejected: nothing to prefer."""
    BAD_MESSAGE = "BadMessage"
    """A message has no role or content, or an unknown role."""
    LAST_TURN_NOT_ASSISTANT = "LastTurnNotAssistant"
    """An answer does not end with the assistant's turn."""
    PROMPT_MISMATCH = "PromptMismatch"
    """The implicit prompts of chosen and rejected differ."""
    EMPTY_PROMPT = "EmptyPrompt"
    """There is nothing before the answer."""
    PROMPT_TOO_LONG = "PromptTooLong"
    """The prompt fills maxLength; nothing is left for an answer."""
    COMPLETION_TOO_LONG = "CompletionTooLong"
    """Warning: prompt and answer exceed maxLength, and the end is cut, or exceed the model's context. An error where the model has no positions beyond its context."""
    TEMPLATE_IN_TEXT = "TemplateInText"
    """An answer holds the mark of another turn, such as <|im_start|>. As a warning: a prompt holds marks of a chat template."""
    NOT_PREFERENCE = "NotPreference"
    """The dataset is of another kind (KTO, SFT, rankings, images), which has no pairs of answers."""
    RESERVED_COLUMN = "ReservedColumn"
    """A column (image, images) with values makes TRL take another path."""
    EMPTY_DATASET = "EmptyDataset"
    """There are no rows, or none is left."""
    CONTRADICTORY_PAIR = "ContradictoryPair"
    """Warning: the same pair occurs the other way round."""
    DUPLICATE_ROW = "DuplicateRow"
    """Warning: the same prompt and pair occurs more than once."""
    LENGTH_BIAS = "LengthBias"
    """Warning: chosen is nearly always the longer (or the shorter) answer."""
    EVAL_OVERLAP = "EvalOverlap"
    """Warning: evaluation pairs are among the training pairs."""
    USER_TURN_IN_ANSWER = "UserTurnInAnswer"
    """Warning: an answer holds a user's turn, which TRL trains as the model's own text."""
    PROMPT_IN_ANSWER = "PromptInAnswer"
    """Warning: an answer begins with the prompt, beside the column that holds it."""
    WHITE_SPACE_PAIR = "WhiteSpacePair"
    """Warning: chosen and rejected differ in white space only."""
    ACCIDENTAL_PROMPT = "AccidentalPrompt"
    """Warning: without a prompt column, what both answers begin with is no prompt in most rows."""
    CURATED_ROWS = "CuratedRows"
    """Warning: rows were left out by `dataset.curate`. An error where they are more than maxDroppedShare allows."""
    HELD_OUT_FILE = "HeldOutFile"
    """Warning: a file to train on is named like one of test or validation data."""
    NO_CHAT_TEMPLATE = "NoChatTemplate"
    """Warning: conversations, but the tokenizer has no chat template."""
    BASE_MODEL = "BaseModel"
    """Warning: the model looks like a base model; DPO expects an instruction-tuned one."""
    UNUSABLE_JUDGE = "UnusableJudge"
    """Warning: the reward model of `evaluation.judge` cannot judge; without a verdict Improved stays Unknown."""
    UNUSABLE_PROMPTS = "UnusablePrompts"
    """Warning: the prompts of `evaluation` are too few for a verdict, or cannot be read; Improved will stay Unknown."""
    UNUSABLE_TASK = "UnusableTask"
    """Warning: a task of `evaluation.tasks` does not exist or cannot be run; Improved will stay Unknown."""


Severity = Literal["error", "warning"]


class Problem(LenientModel):
    """One kind of problem, over the whole dataset."""

    code: ProblemCode
    severity: Severity = "error"
    rows: Count = Field(default=0, description="How many rows have it; 0 for the whole dataset.")
    examples: list[Count] = Field(
        default_factory=list, description="0-based numbers of some such rows."
    )
    split: str | None = Field(
        default=None,
        description="The split that the examples number rows of; absent for `dataset.split`.",
    )
    message: str = Field(
        default="", description="What is wrong and what to write, with the user's own names."
    )
