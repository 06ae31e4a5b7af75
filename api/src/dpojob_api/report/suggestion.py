"""What the inspection suggests to add to a job, so that its dataset is read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dpojob_api.base import Count, LenientModel
from dpojob_api.value_display import flow_yaml


class Suggestion(LenientModel):
    """What to add to the spec, ready to paste: all that is needed at once."""

    column_mapping: dict[str, str | list[str] | dict[str, str | list[str]]] = Field(
        default_factory=dict,
        description="As `dataset.columnMapping` has it, `messages` and `verdict` included.",
    )
    split: str | None = None
    preset: str | None = None
    invalid_rows: Literal["Drop"] | None = Field(
        default=None, description="For `dataset.invalidRows`."
    )
    max_length: Count | None = Field(
        default=None, description="For `training.maxLength`, in tokens."
    )
    remaining: list[str] = Field(
        default_factory=list,
        description="Errors that are left when the suggestion is followed; empty where the dataset is "
        "valid then.",
    )

    def lines(self) -> list[str]:
        """Write what to add to a manifest, a line for each field.

        Returns:
            Such as `spec.dataset.columnMapping: {prompt: question}`; YAML in flow style.
        """
        return [
            f"spec.{part}.{name}: {flow_yaml(value)}"
            for part, fields in self.spec().items()
            for name, value in fields.items()
        ]

    def spec(self) -> dict[str, Any]:
        """Convert to what is added to a manifest.

        Returns:
            The parts of `spec` in camelCase: `dataset`, and `training` where it is concerned.
        """
        parts: dict[str, dict[str, Any]] = {
            "dataset": {
                "columnMapping": self.column_mapping,
                "split": self.split,
                "preset": self.preset,
                "invalidRows": self.invalid_rows,
            },
            "training": {"maxLength": self.max_length},
        }
        kept = {
            part: {name: value for name, value in fields.items() if value}
            for part, fields in parts.items()
        }
        return {part: fields for part, fields in kept.items() if fields}
