"""How the tuned model compares with the model that training began with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, Figure, LenientModel, Rate, unknown_as


class Interval(LenientModel):
    """A figure with its 95% confidence interval."""

    value: Figure = Field(default=None, description="The estimate.")
    low: Figure = Field(default=None, description="Lower end of the 95% interval.")
    high: Figure = Field(default=None, description="Upper end of the 95% interval.")
    n: Count = Field(default=0, description="How many held-out pairs or prompts it is from.")


class JudgeUsage(LenientModel):
    """What a judge behind an API was asked."""

    requests: Count = Field(default=0, description="Requests that were answered.")
    input_tokens: Count = Field(default=0, description="Tokens that the judge read.")
    output_tokens: Count = Field(default=0, description="Tokens that it wrote.")
    cost: Rate = Field(
        default=None,
        description="Tokens times the prices of judge.endpoint, in the installation's currency.",
    )


class AnswerFigures(LenientModel):
    """Figures of one model's answers to the held-out prompts."""

    tokens: Rate = Field(default=None, description="Mean length, tokens.")
    ended: Rate = Field(
        default=None,
        description="Share that the model ended itself, 0 to 1; the others were cut at the limit.",
    )
    repetition: Rate = Field(
        default=None,
        description="Mean share of repeated sequences of 4 tokens in an answer, 0 to 1.",
    )


class TaskScore(LenientModel):
    """One model's result in a task."""

    value: Figure = Field(default=None, description="Mean of the metric over all samples.")
    standard_error: Figure = Field(default=None, description="Standard error of that mean.")


class TaskResult(LenientModel):
    """A benchmark task with both models, on the same samples."""

    name: str = Field(default="", description="Name of the task, as in spec.evaluation.tasks.")
    metric: str = Field(
        default="", description="Metric and, after a comma, its filter where the task has several."
    )
    higher_is_better: bool = Field(
        default=True, description="Whether a higher value of the metric is the better one."
    )
    before: TaskScore | None = Field(
        default=None, description="Result of the model that training began with."
    )
    after: TaskScore | None = Field(default=None, description="Result of the tuned model.")
    difference: Interval | None = Field(
        default=None, description="After less before, over the same samples."
    )
    test: str = Field(
        default="",
        description="Paired test of the difference: McNemar, of values that are 0 or 1, or PairedT.",
    )
    p_value: Figure = Field(
        default=None,
        description="Its p-value, adjusted by Holm's method for the number of tasks.",
    )
    limit: Count | None = Field(
        default=None, description="Most samples, where spec.evaluation.tasks limits them."
    )
    error: str = Field(default="", description="Why there is no result.")

    @property
    def change(self) -> float:
        """The estimated change, positive where the tuned model is better; 0 without a result."""
        value = self.difference.value if self.difference is not None else None
        return (value or 0.0) * (1 if self.higher_is_better else -1)


FigureName = Literal["RewardAccuracy", "Length", "Ended", "Repetition", "Distance"]


class Attention(LenientModel):
    """A figure beyond the line at which to look closer."""

    figure: Annotated[FigureName | None, unknown_as(None)] = None
    message: str = ""


class Evaluation(LenientModel):
    """The tuned model beside the model that training began with, on pairs and prompts never trained on."""

    reward_accuracy: Interval | None = Field(
        default=None,
        description="Share of held-out pairs with the higher reward for chosen; 0.5 is chance.",
    )
    prompts: Count = Field(default=0, description="Held-out prompts that both models answered.")
    before: AnswerFigures | None = Field(
        default=None, description="The answers of the model that training began with."
    )
    after: AnswerFigures | None = Field(
        default=None, description="The answers of the tuned model to the same prompts."
    )
    length_change: Interval | None = Field(
        default=None, description="Mean change of an answer's length, tokens."
    )
    kl_per_token: Rate = Field(
        default=None,
        description="Mean Kullback-Leibler divergence of the tuned model from the one before, over the "
        "tokens of held-out chosen answers, nats per token.",
    )
    judge: str = Field(default="", description="Who compared the answers.")
    win_rate: Interval | None = Field(
        default=None,
        description="Share of prompts whose tuned answer the judge prefers; a tie counts half.",
    )
    length_controlled_win_rate: Interval | None = Field(
        default=None, description="The win rate expected where both answers are equally long."
    )
    wins: Count = Field(default=0, description="Prompts whose tuned answer the judge prefers.")
    ties: Count = Field(default=0, description="Prompts without a preference.")
    losses: Count = Field(default=0, description="Prompts whose answer before the judge prefers.")
    unjudged: Count = Field(
        default=0,
        description="Prompts for which the judge gave no score, or no answer that can be read.",
    )
    contradictions: Count = Field(
        default=0,
        description="Prompts whose answers the judge preferred by their order; each is a tie.",
    )
    judge_usage: JudgeUsage | None = Field(
        default=None, description="What a judge behind an API was asked."
    )
    needed_prompts: Count | None = Field(
        default=None,
        description="About how many prompts would separate this win rate from 0.5; absent where its interval already excludes 0.5.",
    )
    tasks: list[TaskResult] = Field(
        default_factory=list, description="Benchmark tasks before and after training."
    )
    verdict: str | None = Field(
        default=None,
        description="Reason of the condition Improved. Absent without spec.evaluation.",
    )
    message: str = Field(default="", description="The verdict in a sentence.")
    attention: list[Attention] = Field(
        default_factory=list, description="Figures beyond the line at which to look closer."
    )
    note: str = Field(default="", description="What is missing, and why.")
