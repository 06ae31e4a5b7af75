"""spec.dataset: where the preference pairs come from and how they are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from dpojob_api.base import StrictModel

from .fields import ClaimPath, Column, Repository, Revision, Split, one_of, validations


class MessageMapping(StrictModel):
    """Names used inside message lists, where they differ from role/content and user/assistant/system."""

    role: Column = Field(default="role", description="Key that holds the role. Default: role.")
    content: Column = Field(
        default="content", description="Key that holds the text. Default: content."
    )
    user: Column = Field(
        default="user", description="The user's role, such as human. Default: user."
    )
    assistant: Column = Field(
        default="assistant", description="The model's role, such as gpt. Default: assistant."
    )
    system: Column = Field(default="system", description="The system role. Default: system.")


def label_text(value: Any) -> Any:
    """Convert a preference label to the text by which it is compared.

    Args:
        value: A value of the dataset or of the spec, such as `1`, `1.0`, `"1"`, `"Model_A"` or `True`.

    Returns:
        The text without surrounding white space and in lower case, whole numbers without a fraction;
        what is neither text nor a number is returned as it is.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    whole = text.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else text


LabelText = Annotated[
    str,
    BeforeValidator(label_text),
    Field(min_length=1, max_length=256),
    # Numbers and booleans are accepted too.
    WithJsonSchema({"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 256}),
]
LabelTexts = LabelText | Annotated[list[LabelText], Field(min_length=1, max_length=32)]


class PreferenceLabel(StrictModel):
    """A column that says in each row which of two answers is the preferred one.

    Values are compared without regard to case and surrounding white space; 1, 1.0 and "1" are equal.
    """

    column: Column = Field(description="Column that holds the verdict, such as winner or label.")
    first: LabelTexts = Field(
        description="Value, or values, by which the answer in the column of chosen is preferred."
    )
    second: LabelTexts = Field(
        description="Value, or values, by which the answer in the column of rejected is preferred."
    )
    tie: LabelTexts | None = Field(
        default=None,
        description="Value, or values, by which neither is preferred; such rows are left out and "
        "counted. Default: none.",
    )


class AnswerScores(StrictModel):
    """The columns with the scores of two answers, by which each row says which one is preferred.

    A row with equal scores prefers neither; such rows are left out and counted.
    """

    first: Column = Field(
        description="Column with the score of the answer in the column of chosen, such as score_a."
    )
    second: Column = Field(
        description="Column with the score of the answer in the column of rejected, such as score_b."
    )
    better: Literal["Higher", "Lower"] = Field(
        default="Higher",
        description="Which score is the better one, such as Lower for ranks. Default: Higher.",
    )


class ColumnMapping(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!has(self.verdict) || (has(self.chosen) && has(self.rejected))",
            "message": "verdict decides between two columns: name them as chosen (preferred where the "
            "verdict is first) and rejected (preferred where it is second)",
        },
        {
            "rule": "!has(self.scores) || (has(self.chosen) && has(self.rejected))",
            "message": "scores decide between two columns: name them as chosen (scored by first) and "
            "rejected (scored by second)",
        },
        {
            "rule": "!has(self.scores) || !has(self.verdict)",
            "message": "verdict and scores both say which answer is preferred: keep one of them",
        },
    ),
):
    """Which column of the dataset holds what. Absent entries are found by their own names.

    A name with a dot, such as `input.messages` or `output.0`, is a field or an element inside a column,
    unless a column has that very name.
    """

    prompt: Column | Annotated[list[Column], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Column of the prompt; or several columns of text, at most 8, which are joined in "
        "this order with an empty line between them, empty ones left out.",
    )
    chosen: Column | None = Field(
        default=None,
        description="Column of the preferred answer; with verdict or scores, of the first answer.",
    )
    rejected: Column | None = Field(
        default=None,
        description="Column of the other answer; with verdict or scores, of the second answer.",
    )
    verdict: PreferenceLabel | None = Field(
        default=None,
        description="Column that says in each row which of chosen and rejected is preferred. Default: "
        "chosen is preferred in every row.",
    )
    scores: AnswerScores | None = Field(
        default=None,
        description="Columns that score chosen and rejected in each row: the one of the better score is "
        "preferred. Default: none.",
    )
    system: Column | None = Field(default=None, description="Column of the system turn.")
    tools: Column | None = Field(default=None, description="Column of the tools' JSON schemas.")
    messages: MessageMapping | None = Field(
        default=None,
        description="Keys and roles inside message lists, such as from/value, human/gpt.",
    )


class Curate(StrictModel):
    """What is left out of the training rows although it is valid, within maxDroppedShare."""

    near_duplicates: Literal["Report", "Drop"] = Field(
        default="Report",
        description="Rows that nearly repeat an earlier one. Drop: leave them out. Default: Report.",
    )
    suspects: Literal["Report", "Drop"] = Field(
        default="Report",
        description="Rows suspected to be swapped, with nearly identical answers, or with secrets or "
        "personal data in an answer. Drop: leave them out. Default: Report.",
    )
    min_margin: float | None = Field(
        default=None,
        ge=0,
        description="Rows whose chosen score is less than this above the rejected one are left out, in "
        "units of the scores; rows without scores stay. Default: none are left out.",
    )


WHOLE_SPLIT_RULE = "!has(self.split) || !self.split.contains('[')"
"""No slice of a split, such as train[:10%], which `datasets.load_dataset` knows and no reader here does."""


class EvalSource(
    StrictModel,
    json_schema_extra=validations(
        one_of("fraction", "split", kind="evaluation pairs"),
        {
            "rule": WHOLE_SPLIT_RULE,
            "message": "a split is named as a whole, such as test; to hold out a part of the training split, write "
            "fraction, such as 0.1",
        },
    ),
):
    """The held-out pairs: a fraction of the rows, or a split of its own."""

    fraction: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Share of the rows held out, 0 to 0.5; 0 holds none out.",
    )
    split: Split | None = Field(
        default=None, description="Name of a split to evaluate on, such as test."
    )


class DatasetSource(
    StrictModel,
    json_schema_extra=validations(
        one_of("repo", "volume", "urls", kind="dataset"),
        {
            "rule": "has(self.repo) || !(has(self.config) || has(self.revision))",
            "message": "config and revision belong to repo; a volume or URL has neither",
        },
        {
            "rule": WHOLE_SPLIT_RULE,
            "message": "a split is named as a whole, such as train; to train on a part of it, write those rows into a "
            "file of their own",
        },
    ),
):
    """The preference pairs: exactly one of repo, volume or urls."""

    repo: Repository | None = Field(default=None, description="A dataset repository on the hub.")
    config: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Configuration of repo. Default: its only or default one."
    )
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit of repo. Default: main."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="A file, directory or glob on a claim: Parquet, JSONL, JSON, CSV or Arrow, also "
        "gzip or zstd; mounted read-only.",
    )
    urls: (
        Annotated[
            list[Annotated[str, Field(max_length=2000, pattern=r"^https?://")]],
            Field(min_length=1, max_length=64),
        ]
        | None
    ) = Field(
        default=None,
        description="http(s) addresses of files, read one after another; at most 64, of at most 2000 characters each.",
    )
    split: Split = Field(default="train", description="Split to train on. Default: train.")
    column_mapping: ColumnMapping = Field(
        default_factory=ColumnMapping, description="Which column holds what, where names differ."
    )
    preset: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        default="auto",
        description="auto recognises known layouts by their schema; none turns that off; or the name "
        "of a layout, such as orca. Default: auto.",
    )
    invalid_rows: Literal["Fail", "Drop"] = Field(
        default="Fail",
        description="Fail: one invalid row fails the job before a GPU is asked for. Drop: train on "
        "the rest. Default: Fail.",
    )
    max_dropped_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="With invalidRows Drop or curate: the share of rows left out, 0 to 1, beyond which "
        "the job fails all the same. Default: 0.1.",
    )
    curate: Curate = Field(
        default_factory=Curate,
        description="What is left out although it is valid. Default: nothing, it is reported.",
    )
    eval: EvalSource = Field(
        default_factory=lambda: EvalSource(fraction=0.02),
        description="Held-out pairs. Default: {fraction: 0.02}.",
    )
