"""DPOJobSpec: the whole spec, as a user writes it."""

from __future__ import annotations

from pydantic import Field

from dpojob_api.base import StrictModel

from .cache import Cache
from .dataset_source import DatasetSource
from .evaluation import EvaluationSpec, Judge
from .fields import ClaimPath, ControllerName, SecretKey, SecretName, validations
from .hardware import Budget, Hardware
from .model_source import ModelSource
from .output import Output
from .training import Samples, Training


class DPOJobSpec(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!self.output.merge || self.training.method != 'full'",
            "message": "merge is for the methods lora and qlora: full tuning already gives a whole model; "
            "leave out output.merge or choose another training.method",
        },
    ),
):
    """A model, a preference dataset, and whatever the defaults do not say."""

    model: ModelSource = Field(description="The model to tune.")
    dataset: DatasetSource = Field(description="The preference pairs.")
    training: Training = Field(default_factory=Training, description="How to train.")
    samples: Samples = Field(default_factory=Samples, description="Prompts to watch.")
    hardware: Hardware = Field(default_factory=Hardware, description="Where to train.")
    budget: Budget = Field(default_factory=Budget, description="Limits on cost and time.")
    output: Output = Field(default_factory=Output, description="Where the model goes.")
    cache: Cache | None = Field(
        default=None,
        description="Where the reference's log-probabilities are kept, so that a later job on the same model "
        "and pairs, with other training settings, computes none. Default: nowhere.",
    )
    evaluation: EvaluationSpec | None = Field(
        default=None,
        description="Whether the tuned model is better than the one before, by a judge, on prompts never "
        "trained on. Default: only figures that need no judge.",
    )
    hub_token_secret: SecretKey | None = Field(
        default=None,
        description="Secret with the user's hub token, for private and gated sources and push.",
    )
    environment_secret: SecretName | None = Field(
        default=None,
        description="Secret whose keys become environment variables of the training: those of the trackers in "
        "training.arguments.report_to, such as WANDB_API_KEY, and AWS credentials. Other keys are left out.",
    )
    validate_only: bool = Field(
        default=False, description="Inspect and plan, never train. Default: false."
    )
    suspend: bool = Field(
        default=False, description="Hold the job; training stops with a checkpoint. Default: false."
    )
    backoff_limit: int = Field(
        default=3,
        ge=0,
        le=100,
        description="Unforeseen training failures to retry; preemption and node loss are free. Default: 3.",
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        le=31536000,
        description="Delete the DPOJob this many seconds after it finished. Default: never.",
    )

    managed_by: ControllerName | None = Field(
        default=None,
        description="The controller that manages the DPOJob, as the field of that name of a Job; the operator "
        "leaves one alone that is managed by another. For MultiKueue: kueue.x-k8s.io/multikueue. "
        "Default: dpojob.dev/operator.",
    )

    @property
    def output_is_kept(self) -> bool:
        """Whether the model has a volume that outlives the training pod.

        A pushed model needs none, except where it is evaluated before its upload: the verdict may forbid that, and
        the evaluation may end the pod.
        """
        pushed_at_once = self.output.push is not None and self.evaluation is None
        return self.output.volume is not None or not pushed_at_once

    @property
    def evaluation_volumes(self) -> dict[str, ClaimPath]:
        """What the evaluation reads from claims, by the path of its field."""
        if self.evaluation is None:
            return {}
        judge = self.evaluation.judge or Judge()
        named: dict[str, ClaimPath | None] = {
            "evaluation.prompts.volume": self.evaluation.prompts.volume,
            "evaluation.judge.rewardModel.volume": judge.reward_model.volume
            if judge.reward_model
            else None,
            "evaluation.judge.program.volume": judge.program.volume if judge.program else None,
        }
        for task in self.evaluation.tasks or []:
            named[f"evaluation.tasks.{task.name}.volume"] = task.volume
        return {field: place for field, place in named.items() if place is not None}


MUTABLE_ALWAYS = ("suspend", "budget", "ttlSecondsAfterFinished")
"""Fields of the spec that may change at any time."""
