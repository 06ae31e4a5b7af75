"""spec.evaluation: whether the tuned model is better than the one before, by a judge."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dpojob_api.base import StrictModel

from .fields import ClaimPath, Repository, Revision, one_of, validations

SHARE_PATTERN = r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"
GROWTH_PATTERN = r"^[0-9]{1,2}(\.[0-9]{1,4})?$"


class EvaluationPrompts(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!has(self.fromEval) || self.fromEval || has(self.volume)",
            "message": "name where the prompts come from: fromEval: true, or a volume",
        }
    ),
):
    """Prompts that both models answer. Those that are also trained on are left out."""

    from_eval: bool = Field(
        default=True, description="Take the prompts of the held-out pairs. Default: true."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="A JSON Lines file on a claim whose lines hold a prompt, as text or as messages: further "
        "prompts, or the only ones with fromEval: false. Default: none.",
    )
    max: int = Field(
        default=200,
        ge=20,
        le=10000,
        description="Most prompts to answer; 200 tell a win rate of 57% from 50%. Default: 200.",
    )


class RewardModel(
    StrictModel,
    json_schema_extra=validations(
        one_of("repo", "volume", kind="reward model"),
        {
            "rule": "!has(self.revision) || has(self.repo)",
            "message": "revision belongs to repo; a volume has only one state",
        },
    ),
):
    """A sequence-classification model with one output, which scores an answer to a prompt."""

    repo: Repository | None = Field(default=None, description="A model repository on the hub.")
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit of repo. Default: main."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="A directory as from_pretrained reads it, on a claim; mounted read-only.",
    )


class JudgeProgram(StrictModel):
    """A Python program that scores answers, where the installation allows it."""

    volume: ClaimPath = Field(
        description="The program's file on a claim. It reads a JSON object with prompt and answer from each line "
        "of its standard input, and writes a number for each, higher for better, or null."
    )


class Judge(StrictModel, json_schema_extra=validations(one_of("rewardModel", "program", kind="judge"))):  # fmt: skip
    """Who compares the answers: exactly one of rewardModel or program."""

    reward_model: RewardModel | None = Field(
        default=None, description="A reward model that scores both answers."
    )
    program: JudgeProgram | None = Field(
        default=None,
        description="A program of yours that scores both answers; only where the installation allows it.",
    )


class Requirement(StrictModel):
    """What the tuned model must reach; until it does, nothing is pushed or uploaded to S3."""

    win_rate: Annotated[str, Field(max_length=6, pattern=SHARE_PATTERN)] | None = Field(
        default=None,
        description='Least win rate against the model before, 0 to 1, such as "0.55"; ties count half. The '
        "interval must lie above 0.5 too. Default: none.",
    )
    max_length_growth: Annotated[str, Field(max_length=7, pattern=GROWTH_PATTERN)] | None = Field(
        default=None,
        description='Most growth of the mean length of answers, such as "0.3" for 30%. Default: none.',
    )


class EvaluationSpec(StrictModel):
    """Compares the tuned model with the one that training began with, after training."""

    prompts: EvaluationPrompts = Field(
        default_factory=EvaluationPrompts, description="Prompts that both models answer."
    )
    judge: Judge = Field(description="Who compares the answers.")
    require: Requirement | None = Field(
        default=None,
        description="What the tuned model must reach before it is pushed or uploaded. Default: nothing.",
    )
