"""The model card's front matter, which the hub reads."""

from __future__ import annotations

from typing import Literal

from huggingface_hub import ModelCardData

from dpojob_api.spec import DPOJobSpec

TAGS = ("dpo", "trl", "dpojob")


def front_matter(spec: DPOJobSpec, kind: Literal["model", "adapter"] | None) -> str:
    """The metadata as YAML, without the lines around it.

    Args:
        spec: The job's spec, whose repositories are linked.
        kind: Whether the output is an adapter or a full model, which decides on the library.
    """
    data = ModelCardData(
        library_name="peft" if kind == "adapter" else "transformers",
        pipeline_tag="text-generation",
        base_model=spec.model.repo,
        datasets=[spec.dataset.repo] if spec.dataset.repo else None,
        tags=list(TAGS),
    )
    return data.to_yaml()
