"""spec.training and spec.samples: how to train, and the prompts to answer meanwhile."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from dpojob_api.arguments import arguments_schema, check_bounds
from dpojob_api.base import StrictModel

Arguments = Annotated[
    dict[str, Any], AfterValidator(check_bounds), WithJsonSchema(arguments_schema())
]
"""Fields of DPOConfig. Only the CRD and inspection check their names and types, so that a stored job with
an argument of another TRL can still be read."""


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
    prefix_sharing: Literal["Auto", "On", "Off"] = Field(
        default="Auto",
        description="Compute what chosen and rejected begin with once instead of twice. Auto: where the plan "
        "expects steps to be at least 8% faster, for model families that are tested with it. On: for any "
        "model. In both cases the first batch is computed in both ways, and training goes on without it where "
        "they differ. Default: Auto.",
    )
    arguments: Arguments = Field(
        default_factory=dict,
        description="Other fields of TRL's DPOConfig, checked before a GPU is asked for; at most 262144 "
        "characters as JSON. Default: none.",
    )


class Samples(StrictModel):
    """Prompts answered before, during and after training, to see what changes."""

    prompts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(max_length=16)
    ] = Field(
        default_factory=list,
        description="Prompts to answer; at most 16, of at most 4000 characters each. Default: a few of "
        "the evaluation set.",
    )
    every_steps: int = Field(
        default=0,
        ge=0,
        le=1000000,
        description="Answer them each time this number of optimizer steps is done; 0: only before and after. Default: 0.",
    )
