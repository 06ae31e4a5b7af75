"""spec.evaluation: whether the tuned model is better than the one before, by a judge and by benchmark tasks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dpojob_api.base import StrictModel
from dpojob_api.quantity import DURATION_PATTERN, MONEY_PATTERN

from .fields import ClaimPath, Repository, Revision, SecretKey, one_of, validations

SHARE_PATTERN = r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"
GROWTH_PATTERN = r"^[0-9]{1,2}(\.[0-9]{1,4})?$"
TASK_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"
METRIC_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*(,[A-Za-z0-9._@+-]+)?$"
MAX_TASKS = 8
JUDGE_OR_TASKS_RULE = {
    "rule": "has(self.judge) || has(self.tasks)",
    "message": "name who evaluates the model: a judge, tasks, or both",
}
UNIQUE_TASKS_RULE = {
    "rule": "!has(self.tasks) || self.tasks.all(t, self.tasks.exists_one(u, u.name == t.name))",
    "message": "the names of tasks are unique",
}
REQUIREMENT_RULE = {
    "rule": "!has(self.require) || ((has(self.judge) || !(has(self.require.winRate) || "
    "has(self.require.maxLengthGrowth))) && (has(self.tasks) || !has(self.require.maxTaskDrop)))",
    "message": "require.winRate and require.maxLengthGrowth need a judge, and require.maxTaskDrop needs tasks",
}


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


Price = Annotated[str, Field(max_length=32, pattern=MONEY_PATTERN)]


HTTP_INSIDE_CLUSTER = (
    r"^http://(localhost|127[.][0-9.]+|[a-z0-9.-]+[.]svc([.]cluster[.]local)?)(:[0-9]+)?(/|$)"
)
"""URLs to which an API key may be sent unencrypted: the network inside a cluster is the platform's to protect."""
KEY_OVER_HTTPS_RULE = {
    "rule": "!has(self.secret) || self.url.startsWith('https://') || "
    f"self.url.matches('{HTTP_INSIDE_CLUSTER}')",
    "message": "the key of secret would be sent unencrypted: write https:// (http:// is for a Service "
    "of the cluster, such as http://llm.team.svc/v1, for localhost, or without secret)",
}


class JudgeEndpoint(StrictModel, json_schema_extra=validations(KEY_OVER_HTTPS_RULE)):
    """A model behind an OpenAI-compatible API that is asked which of two answers is better."""

    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] = Field(
        description="Base address, such as https://llm.internal/v1; chat/completions is added. An address "
        "that is not public must be allowed by the installation. With secret, http:// is only for a "
        "Service of the cluster (NAME.NAMESPACE.svc) or localhost."
    )
    model: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="Name of the model there."
    )
    secret: SecretKey | None = Field(
        default=None,
        description="Secret with the API key; the pod has it as a file. Default: no key is sent.",
    )
    requests_per_minute: int = Field(
        default=120, ge=1, le=100000, description="Most requests a minute. Default: 120."
    )
    input_price: Price = Field(
        default="0",
        description="Price of a million tokens that the judge reads, in the installation's currency. "
        'Default: "0".',
    )
    output_price: Price = Field(
        default="0", description='Price of a million tokens that it writes. Default: "0".'
    )


class Judge(
    StrictModel,
    json_schema_extra=validations(one_of("rewardModel", "endpoint", "program", kind="judge")),
):
    """Who compares the answers: exactly one of rewardModel, endpoint or program."""

    reward_model: RewardModel | None = Field(
        default=None, description="A reward model that scores both answers."
    )
    endpoint: JudgeEndpoint | None = Field(
        default=None,
        description="A model behind an OpenAI-compatible API, asked about each pair of answers in both orders.",
    )
    program: JudgeProgram | None = Field(
        default=None,
        description="A program of yours that scores both answers; only where the installation allows it.",
    )


class EvaluationTask(StrictModel):
    """A benchmark of lm-evaluation-harness that both models take, on the same samples."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=TASK_PATTERN)] = Field(
        description="Name of a task, group or tag of lm-evaluation-harness, such as ifeval; with volume any name."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="The YAML file of a task of yours, on a claim. One that runs code (!function) is for "
        "installations that allow it. Default: the harness's own task.",
    )
    metric: Annotated[str, Field(min_length=1, max_length=128, pattern=METRIC_PATTERN)] | None = (
        Field(
            default=None,
            description="Metric that is compared, such as acc_norm, or with its filter exact_match,strict-match. "
            "Default: the task's first with a number for each sample.",
        )
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        le=1000000,
        description="Most samples, the first ones; of a group, of each of its tasks. Default: all.",
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
    max_task_drop: Annotated[str, Field(max_length=7, pattern=GROWTH_PATTERN)] | None = Field(
        default=None,
        description='Most loss in a task, in units of its metric, such as "0.02" for two points of accuracy. '
        "Default: none, so that any loss whose interval excludes 0 counts.",
    )


EVERY_EVAL_RULE = {
    "rule": "!has(self.everyEval) || !self.everyEval || (has(self.judge) && !has(self.judge.endpoint))",
    "message": "everyEval asks the judge during training, which only rewardModel and program are for; "
    "an endpoint is asked once, after training",
}


class EvaluationSpec(
    StrictModel,
    json_schema_extra=validations(
        JUDGE_OR_TASKS_RULE, UNIQUE_TASKS_RULE, REQUIREMENT_RULE, EVERY_EVAL_RULE
    ),
):
    """Compares the tuned model with the one that training began with, after training."""

    prompts: EvaluationPrompts = Field(
        default_factory=EvaluationPrompts, description="Prompts that both models answer."
    )
    judge: Judge | None = Field(
        default=None,
        description="Who compares the answers. Default: nobody; the tasks decide alone.",
    )
    every_eval: bool = Field(
        default=False,
        description="Judge a few prompts at each evaluation of the training too, where one GPU trains: the "
        "checkpoint with the highest win rate is kept, and training stops where the win rate falls while "
        "rewards rise (RewardHacking). These prompts are left out of the verdict. Default: false.",
    )
    tasks: Annotated[list[EvaluationTask], Field(min_length=1, max_length=MAX_TASKS)] | None = (
        Field(default=None, description="Benchmarks before and after training. Default: none.")
    )
    max_duration: Annotated[str, Field(min_length=2, max_length=32, pattern=DURATION_PATTERN)] = (
        Field(
            default="1h",
            description="Longest time for answers, tasks and judgement, such as 30m; without a verdict by then the "
            "condition Improved stays Unknown. Default: 1h.",
        )
    )
    require: Requirement | None = Field(
        default=None,
        description="What the tuned model must reach before it is pushed or uploaded. Default: nothing.",
    )
