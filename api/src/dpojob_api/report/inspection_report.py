"""The inspection report: the findings on every row of the dataset and on the model's files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dpojob_api.base import Count, LenientModel, Magnitude

from .model_facts import ModelFacts
from .problem import Problem
from .suggestion import Suggestion
from .suspects import Suspects


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
    """Percentiles, maximum and mean of a length over all rows."""

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
