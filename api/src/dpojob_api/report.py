"""The inspection report: the findings on every row of the dataset and on the model's files."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from .base import Count, LenientModel, Magnitude
from .suggestion import Suggestion
from .suspects import Suspects


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


class Mapping(LenientModel):
    """The columns that were used, by the dataset's own names; None where there is none."""

    prompt: str | list[str] | None = Field(
        default=None, description="One column, or several whose texts are joined in this order."
    )
    chosen: str | None = None
    rejected: str | None = None
    system: str | None = None
    tools: str | None = None
    chosen_score: str | None = Field(
        default=None, description="Score of chosen, for suspects and curate.minMargin only."
    )
    rejected_score: str | None = Field(default=None, description="Score of rejected.")


class Percentiles(LenientModel):
    """Of a length over all rows."""

    p50: Count = 0
    p95: Count = 0
    p99: Count = 0
    max: Count = 0
    mean: Magnitude = 0.0


class Lengths(LenientModel):
    """Lengths of the accepted rows, in `unit`."""

    prompt: Percentiles = Field(default_factory=Percentiles)
    chosen: Percentiles = Field(default_factory=Percentiles)
    rejected: Percentiles = Field(default_factory=Percentiles)
    longest: Percentiles = Field(
        default_factory=Percentiles, description="Prompt plus the longer answer, per row."
    )
    unit: Literal["tokens", "characters"] = "tokens"
    tokens_per_row: Magnitude = Field(
        default=0.0,
        description="Mean of prompt+chosen and prompt+rejected together, cut at maxLength.",
    )
    max_length_for_95: Count = Field(
        default=0, description="maxLength that keeps 95% of pairs whole."
    )
    max_length_for_99: Count = Field(
        default=0, description="maxLength that keeps 99% of pairs whole."
    )


class Quality(LenientModel):
    """Figures that do not make a dataset invalid."""

    duplicate_rows: Count = 0
    contradictory_pairs: Count = 0
    chosen_longer_share: Magnitude = Field(
        default=0.0, description="Share of rows whose chosen answer is longer."
    )
    truncated_share: Magnitude = Field(default=0.0, description="Share of rows over maxLength.")
    eval_overlap: Count = 0


class ModelFacts(LenientModel):
    """The model from its config and safetensors headers alone; weights are never loaded.

    Counts are numbers of elements, not bytes.
    """

    parameters: Count = Field(description="Exact number of parameters, tied weights counted once.")
    architecture: str = ""
    model_type: str = ""
    dtype: str = Field(default="", description="Of most weights: bfloat16, float16, float32, ...")
    hidden_size: Count = 0
    intermediate_size: Count = 0
    layers: Count = 0
    attention_heads: Count = 0
    key_value_heads: Count = 0
    head_dim: Count = 0
    vocabulary: Count = 0
    context_length: Count = 0
    embedding_parameters: Count = Field(
        default=0, description="Input embedding, and output when not tied."
    )
    tied_embeddings: bool = False
    experts: Count = Field(default=0, description="Experts per layer; 0 for a dense model.")
    experts_per_token: Count = 0
    active_parameters: Count = Field(
        default=0, description="Used per token; `parameters` for dense models."
    )
    linear_parameters: Count = Field(
        default=0,
        description="In two-dimensional weights outside embeddings: what LoRA adapts and QLoRA quantises.",
    )
    adapter_parameters_per_rank: Count = Field(
        default=0, description="Sum of (in + out) over those weights: LoRA parameters at r = 1."
    )
    weight_bytes: Count = Field(default=0, description="Size of the weight files.")
    chat_template: bool = False
    quantization: str | None = Field(
        default=None, description="Of weights as stored: gptq, awq, bitsandbytes, ..."
    )
    adapter: bool = Field(
        default=False, description="The source holds a PEFT adapter, not a whole model."
    )
    adapter_rank: Count = 0
    base_model: str | None = Field(default=None, description="Of an adapter: what it sits on.")
    base_revision: str | None = None
    source: str = Field(
        default="", description="The repository, or claim and path, as a person would name it."
    )
    revision: str | None = Field(
        default=None, description="The commit a repository's revision resolved to."
    )
    fingerprint: str | None = Field(
        default=None,
        description="Of a model on a volume: a digest over its files' sizes and parts of their content; an "
        "adapter's, then its base's.",
    )


class InspectionReport(LenientModel):
    """The whole report. Its compact form (`summary`) fits a termination message."""

    valid: bool
    format: Literal["standard", "conversational", "unknown"] = "unknown"
    rows: Count = 0
    valid_rows: Count = 0
    dropped_rows: Count = Field(
        default=0, description="Left out by invalidRows: Drop or curate, or ties by a preset."
    )
    dropped: dict[str, Count] = Field(
        default_factory=dict,
        description="Left-out rows by code, kind of suspect, 'LowMargin' or 'Tie'.",
    )
    train_rows: Count = 0
    eval_rows: Count = 0
    eval_dropped: dict[str, Count] = Field(
        default_factory=dict,
        description="Rows left out of an evaluation split of its own, by code, or 'Tie'.",
    )
    eval_cut: Magnitude = Field(
        default=0.0,
        description="Rows whose prompt hashes to a place in [0, 1) below this are held out.",
    )
    columns: list[str] = Field(default_factory=list)
    mapping: Mapping = Field(default_factory=Mapping)
    implicit_prompt: bool = False
    preset: str = Field(default="none", description="The layout that was recognised or named.")
    problems: list[Problem] = Field(default_factory=list)
    suspects: list[Suspects] = Field(
        default_factory=list,
        description="Rows that may be wrong; none is left out unless dataset.curate says so.",
    )
    compared_rows: Count = Field(
        default=0, description="Rows compared for suspects: all, or a random sample."
    )
    suggestion: Suggestion | None = None
    lengths: Lengths | None = None
    quality: Quality = Field(default_factory=Quality)
    model: ModelFacts | None = None
    reward_model_bytes: Count = Field(
        default=0,
        description="Size of the weight files of evaluation.judge.rewardModel, bytes. Default: 0, not known.",
    )
    source: str = Field(default="", description="The dataset as a person would name it.")
    revision: str | None = Field(
        default=None, description="The commit a repository's revision resolved to."
    )
    content_hash: str | None = Field(
        default=None, description="sha256 over the files' bytes, in order."
    )
    eval_content_hash: str | None = Field(
        default=None, description="The same of the files of eval.split; null without one."
    )
    splits: list[str] = Field(
        default_factory=list, description="Splits that exist, where the source has splits."
    )
    files_left_out: list[str] = Field(
        default_factory=list,
        description="Files of a repository that name no split, where others do.",
    )
    page: str | None = Field(
        default=None,
        description="Path of inspection.html on the claim of output.volume; null where none was written.",
    )
    reason: str | None = Field(
        default=None, description="When not valid: the condition reason, such as DatasetInvalid."
    )
    error: str | None = Field(
        default=None,
        description="Where the dataset or the model could not be read: what happened and what to change.",
    )

    @property
    def errors(self) -> list[Problem]:
        """Problems of severity error."""
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """Problems of severity warning."""
        return [problem for problem in self.problems if problem.severity == "warning"]
