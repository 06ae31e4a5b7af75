"""Hooks on a model's backbone that read pairs in the shared layout and return TRL's rows."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

import torch

from dpojob_api.shared_training_constants import PREFIX_SHARING_ATTENTION

from .attention_masks import masks_of
from .layout import PADDING, SharedLayout


class SharedBackbone:
    """Shares prefixes in the forwards of all models that it is attached to, while it is active."""

    def __init__(self) -> None:
        self.active = True
        """Cleared where the shared layout turns out to be wrong for the model; TRL's rows are read then."""
        self._layout: SharedLayout | None = None
        self._masks = ExitStack()

    def attach(self, model: Any, attention: str) -> None:
        """Hook the backbone of a causal language model, before PEFT or FSDP wraps it.

        Args:
            model: A model of transformers.
            attention: Its attention implementation.

        Raises:
            ValueError: Without a backbone of its own, or with an attention that takes no such mask; the message
                says which.
        """
        if model.base_model is model:
            raise ValueError(f"{type(model).__name__} has no backbone apart from its LM head")
        if attention not in PREFIX_SHARING_ATTENTION:
            raise ValueError(f"{attention} takes no mask of this kind")
        model.base_model.register_forward_pre_hook(
            partial(self._before, attention), with_kwargs=True
        )
        model.base_model.register_forward_hook(self._after, always_call=True)

    def _before(
        self,
        attention: str,
        _backbone: Any,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        options = dict(options)
        layout = SharedLayout.from_model_inputs(options)
        if layout is None or not self.active:
            return arguments, options
        self._layout = layout
        self._masks.enter_context(masks_of(layout, attention))
        options["input_ids"] = layout.ids
        options["position_ids"] = layout.positions
        # Without a mask transformers would take positions that start again for packed sequences.
        options["attention_mask"] = (layout.branches != PADDING).long()
        return arguments, options

    def _after(self, _backbone: Any, _arguments: tuple[Any, ...], outputs: Any) -> Any:
        layout, self._layout = self._layout, None
        self._masks.close()
        if layout is None or outputs is None:
            return outputs
        outputs.last_hidden_state = _to_rows(outputs.last_hidden_state, layout)
        if getattr(outputs, "router_logits", None):
            # Router logits have the tokens of all rows in one dimension.
            outputs.router_logits = tuple(
                logits.index_select(0, layout.sources.flatten()) for logits in outputs.router_logits
            )
        return outputs


def _to_rows(hidden: torch.Tensor, layout: SharedLayout) -> torch.Tensor:
    """Copy (pairs, width, hidden) to TRL's rows, (2 x pairs, length, hidden)."""
    flat = hidden.flatten(0, 1).index_select(0, layout.sources.flatten())
    return flat.view(*layout.sources.shape, hidden.shape[-1])
