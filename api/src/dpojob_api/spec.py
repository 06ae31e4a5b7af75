"""DPOJobSpec: what a user writes. Every rule that needs only the spec becomes CRD schema or CEL.

CEL rules stand in `json_schema_extra` under `x-kubernetes-validations`, beside the model they guard;
`crd.py` carries them into the CRD. They are not repeated in Python: the API server is the judge at
`kubectl apply`, and `dpojob_api.manifest` evaluates the few that the command line needs offline.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .base import StrictModel
from .quantity import DURATION_PATTERN, MONEY_PATTERN

DNS_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
SECRET_KEY = r"^[-._a-zA-Z0-9]+$"
"""As the API server demands of a Secret's keys; otherwise no pod could be made."""
REPO = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_NAME)]
Column = Annotated[str, Field(min_length=1, max_length=256)]
Repository = Annotated[str, Field(min_length=1, max_length=200, pattern=REPO)]
Revision = Annotated[str, Field(min_length=1, max_length=250)]
RelativePath = Annotated[str, Field(max_length=1024)]
PATH_RULE = {
    "rule": "!has(self.path) || (!self.path.startsWith('/') && !self.path.split('/').exists(p, p == '..'))",
    "message": "path is relative to the claim's root and may not contain '..'; "
    "write it without a leading '/', like 'data/train.jsonl'",
}


def one_of(*fields: str, kind: str) -> dict[str, Any]:
    """A CEL rule: exactly one of `fields` is set."""
    count = " + ".join(f"(has(self.{field}) ? 1 : 0)" for field in fields)
    names = ", ".join(fields[:-1]) + f" or {fields[-1]}"
    return {
        "rule": f"{count} == 1",
        "message": f"set exactly one of {names}: they are different places to find the {kind}",
    }


def validations(*rules: dict[str, Any]) -> dict[str, Any]:
    """Schema extras that carry CEL rules into the CRD."""
    return {"x-kubernetes-validations": list(rules)}


class ClaimPath(StrictModel, json_schema_extra=validations(PATH_RULE)):
    """A directory or file on a PersistentVolumeClaim of the job's namespace."""

    claim_name: Name = Field(description="Name of the PersistentVolumeClaim.")
    path: RelativePath = Field(
        default="",
        description="Path on the claim, relative to its root; for datasets also a glob such as "
        "'data/*.parquet'. Default: the root.",
    )


class JobReference(StrictModel):
    """A job whose output is this job's model."""

    kind: Literal["DPOJob", "Job", "TrainJob"] = Field(
        default="DPOJob",
        description="DPOJob; or a batch/v1 Job or Kubeflow TrainJob that names its output in the "
        "annotation dpojob.dev/output. Default: DPOJob.",
    )
    name: Name = Field(description="Name of the job, in the same namespace.")


class ModelSource(
    StrictModel,
    json_schema_extra=validations(
        one_of("repo", "volume", "fromJob", kind="model"),
        {
            "rule": "!has(self.revision) || has(self.repo)",
            "message": "revision belongs to repo; a volume or a job has only one state",
        },
    ),
):
    """The model to tune: exactly one of repo, volume or fromJob."""

    repo: Repository | None = Field(
        default=None,
        description="A model repository on the hub, such as Qwen/Qwen2.5-1.5B-Instruct.",
    )
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit of repo. Default: main."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="A directory as from_pretrained reads it, on a claim; mounted read-only.",
    )
    from_job: JobReference | None = Field(
        default=None, description="Waits for that job to complete, then tunes its output."
    )


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


class ColumnMapping(StrictModel):
    """Which column of the dataset holds what. Absent entries are found by their own names."""

    prompt: Column | None = Field(default=None, description="Column of the prompt.")
    chosen: Column | None = Field(default=None, description="Column of the preferred answer.")
    rejected: Column | None = Field(default=None, description="Column of the other answer.")
    system: Column | None = Field(default=None, description="Column of the system turn.")
    tools: Column | None = Field(default=None, description="Column of the tools' JSON schemas.")
    messages: MessageMapping | None = Field(
        default=None,
        description="Keys and roles inside message lists, such as from/value, human/gpt.",
    )


class EvalSource(
    StrictModel,
    json_schema_extra=validations(one_of("fraction", "split", kind="evaluation pairs")),
):
    """The held-out pairs: a fraction of the rows, or a split of its own."""

    fraction: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Share of the rows held out, 0 to 0.5; 0 holds none out.",
    )
    split: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
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
    ) = Field(default=None, description="http(s) addresses of files, read one after another.")
    split: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        default="train", description="Split to train on. Default: train."
    )
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
        description="With invalidRows Drop: the share of invalid rows, 0 to 1, beyond which the job "
        "fails all the same. Default: 0.1.",
    )
    eval: EvalSource = Field(
        default_factory=lambda: EvalSource(fraction=0.02),
        description="Held-out pairs. Default: {fraction: 0.02}.",
    )


class Lora(StrictModel):
    """Adapter shape, for the methods lora and qlora."""

    r: int = Field(default=16, ge=1, le=1024, description="Rank of the adapter. Default: 16.")
    alpha: int = Field(default=32, ge=1, le=4096, description="Scale of the adapter. Default: 32.")
    dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Dropout in the adapter. Default: 0."
    )


class EarlyStopping(StrictModel):
    """Stops when the evaluation loss no longer falls."""

    patience: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="Evaluations without improvement before stopping. Default: 3.",
    )


class Training(StrictModel):
    """How to train. Defaults are good for most jobs."""

    epochs: float = Field(
        default=1, gt=0, le=100, description="Passes over the data; 1 to 3 is usual. Default: 1."
    )
    learning_rate: float = Field(
        default=5e-6,
        gt=0,
        le=1,
        description="Peak learning rate; 5e-7 to 5e-6 is usual. Default: 5e-6.",
    )
    beta: float = Field(
        default=0.1,
        gt=0,
        le=100,
        description="Strength of the pull to the reference model; 0.1 to 0.5 is usual. Default: 0.1.",
    )
    batch_size: int = Field(
        default=8,
        ge=1,
        le=65536,
        description="Preference pairs per optimizer step, over all GPUs; 4 to 16 is usual. Default: 8.",
    )
    max_length: int = Field(
        default=1024,
        ge=16,
        le=1048576,
        description="Longest prompt plus answer, in tokens; longer ones are cut. Default: 1024.",
    )
    method: Literal["auto", "full", "lora", "qlora"] = Field(
        default="auto", description="auto lets the plan choose the first that fits. Default: auto."
    )
    lora: Lora = Field(default_factory=Lora, description="Adapter shape, for lora and qlora.")
    seed: int = Field(
        default=42, ge=0, le=2147483647, description="Seed of shuffling and dropout. Default: 42."
    )
    early_stopping: EarlyStopping | None = Field(
        default=None, description="Stop on a rising evaluation loss. Default: off."
    )
    on_unhealthy: Literal["Warn", "Stop"] = Field(
        default="Warn",
        description="What a health guard does besides setting TrainingHealthy. Default: Warn.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Any other field of TRL's DPOConfig, checked before a GPU is asked for.",
    )


class Samples(StrictModel):
    """Prompts answered before, during and after training, to see what changes."""

    prompts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(max_length=16)
    ] = Field(
        default_factory=list, description="Prompts to answer. Default: a few of the evaluation set."
    )
    every_steps: int = Field(
        default=0,
        ge=0,
        le=1000000,
        description="Answer them every so many optimizer steps; 0: only before and after. Default: 0.",
    )


class Hardware(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!has(self.gpus) || self.gpus % self.nodes == 0",
            "message": "gpus must be a multiple of nodes: every node gets the same number",
        }
    ),
):
    """Where to train. Absent: chosen by model size and fit."""

    pool: Name | None = Field(
        default=None,
        description="A GPUPool to use: obeyed, or refused with numbers. Default: chosen.",
    )
    gpus: int | None = Field(
        default=None, ge=1, le=64, description="GPUs over all nodes. Default: the fewest that fit."
    )
    nodes: int = Field(default=1, ge=1, le=16, description="Nodes to spread over. Default: 1.")
    when_full: Literal["Wait", "NextPool"] = Field(
        default="Wait",
        description="When the first choice has no free GPU: wait for it, or take a dearer pool that "
        "has one. Default: Wait.",
    )


class Budget(StrictModel):
    """Limits checked before training and during it."""

    max_cost: Annotated[str, Field(max_length=32, pattern=MONEY_PATTERN)] | None = Field(
        default=None, description='Most to spend, in the installation\'s currency, such as "20.00".'
    )
    max_duration: (
        Annotated[str, Field(min_length=2, max_length=32, pattern=DURATION_PATTERN)] | None
    ) = Field(default=None, description="Longest training time, such as 6h or 1h30m.")


class SecretKey(StrictModel):
    """One key of a Secret in the job's namespace."""

    name: Name = Field(description="Name of the Secret.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=SECRET_KEY)] = Field(
        default="token", description="Key in the Secret. Default: token."
    )


class SecretName(StrictModel):
    """A Secret in the job's namespace."""

    name: Name = Field(description="Name of the Secret.")


class S3(StrictModel):
    """A directory in an S3-compatible store."""

    bucket: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="Bucket.")
    prefix: RelativePath = Field(
        default="", description="Key prefix of the model. Default: the root."
    )
    endpoint: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = Field(
        default=None, description="Address of the store. Default: the cloud's own."
    )
    secret: SecretName = Field(
        description="Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


class Output(StrictModel):
    """Where the model goes. Without a volume, a claim `<name>-output` is made, unless push is set."""

    volume: ClaimPath | None = Field(
        default=None, description="Directory of the model on a claim. Default: a claim made for it."
    )
    push: Repository | None = Field(
        default=None, description="Model repository on the hub to upload to."
    )
    s3: S3 | None = Field(default=None, description="S3-compatible store to upload to.")
    merge: bool = Field(
        default=False,
        description="Merge the adapter into the base model's weights. Default: false, the adapter alone.",
    )


class DPOJobSpec(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!self.output.merge || self.training.method != 'full'",
            "message": "merge is for the methods lora and qlora: full tuning already gives a whole model; "
            "leave out output.merge or choose another training.method",
        }
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
    hub_token_secret: SecretKey | None = Field(
        default=None,
        description="Secret with the user's hub token, for private and gated sources and push.",
    )
    environment_secret: SecretName | None = Field(
        default=None,
        description="Secret whose keys become environment variables of the training pod, for the "
        "trackers in training.arguments.report_to.",
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


MUTABLE_ALWAYS = ("suspend", "budget", "ttlSecondsAfterFinished")
"""Fields of the spec that may change at any time."""
