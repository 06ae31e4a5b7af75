"""TRL's trainer with shared prefixes, which it uses only if they make no difference on the first batch."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import torch
from peft import PeftModel

from dpojob_trainer.training.prefix_sharing import (
    TOLERANCE,
    PrefixSharingCollator,
    SharedBackbone,
    forward_cost,
    layout_difference,
)

from .trl_patches import PatchedDPOTrainer, attention_implementation, collator_class

log = logging.getLogger(__name__)


class PrefixSharingTrainer(PatchedDPOTrainer):
    """Reads what chosen and rejected begin with once, in the forwards of the model and of its reference."""

    def __init__(self, *, share_prefixes: bool, notes: list[str], **kwargs: Any) -> None:
        """Prepare as DPOTrainer does.

        Args:
            share_prefixes: Whether to share prefixes where the model allows it.
            notes: Where to write why prefixes are not shared although they should be.
            kwargs: Of DPOTrainer.
        """
        self._sharing: SharedBackbone | None = None
        self._compared = False
        self._notes = notes
        if not share_prefixes:
            super().__init__(**kwargs)
            return
        model, reference = without_adapter(kwargs["model"]), kwargs.get("ref_model")
        sharing = SharedBackbone()
        try:
            for each in (model, reference):
                if each is not None:
                    sharing.attach(each, attention_implementation(each))
        except ValueError as error:
            notes.append(f"prefixes are not shared: {error}")
            super().__init__(**kwargs)
            return
        self._sharing = sharing
        cost = forward_cost(model, attention_implementation(model))
        collator = partial(PrefixSharingCollator, backbone=sharing, cost=cost)
        with collator_class(collator):
            super().__init__(**kwargs)

    @property
    def shares_prefixes(self) -> bool:
        """Whether forwards share prefixes, where that costs less."""
        return self._sharing is not None and self._sharing.active

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, Any]) -> Any:
        """Compute the reference's log-probabilities of a batch, before training."""
        self._compare_layouts_once(model, inputs)
        return super().compute_ref_log_probs(model, inputs)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Compute the loss of a batch."""
        self._compare_layouts_once(model, inputs)
        return super().compute_loss(model, inputs, *args, **kwargs)

    def _compare_layouts_once(self, model: Any, inputs: dict[str, Any]) -> None:
        """On the first batch, stop sharing prefixes in all processes where it makes a difference in any."""
        if self._sharing is None or self._compared:
            return
        self._compared = True
        with self.accelerator.autocast():
            difference = layout_difference(model, inputs)
        worst = self.accelerator.gather(
            torch.tensor([difference], device=self.accelerator.device)
        ).max()
        tolerance = TOLERANCE[_computed_type(self.model, self.accelerator)]
        log.info("shared prefixes differ by %.1e nats per token of the first batch", worst)
        # Not a number is no agreement either.
        if not worst <= tolerance:
            self._sharing.active = False
            self._notes.append(
                "prefixes are not shared: on the first batch the log-probability of a token would differ by "
                f"{worst:.2g} nats on average, and {tolerance:.0e} is tolerated"
            )
            log.warning("%s", self._notes[-1])


def without_adapter(model: Any) -> Any:
    """The model of transformers under its adapter, where it has one."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def _computed_type(model: Any, accelerator: Any) -> torch.dtype:
    """The type that the backbone computes in."""
    mixed = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(accelerator.mixed_precision)
    found: torch.dtype = mixed or next(without_adapter(model).parameters()).dtype
    return found
