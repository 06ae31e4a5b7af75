"""TRL's collator, which adds the shared layout to each batch that costs less with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trl.trainer.dpo_trainer import DataCollatorForPreference

from .layout import share_prefixes
from .shared_backbone import SharedBackbone


@dataclass(frozen=True)
class ForwardCost:
    """Operations of a forward of a model's backbone over rows of tokens."""

    parameters: int
    """Parameters that each token is multiplied with."""
    layers: int
    hidden: int
    """Width of all query heads together."""
    keeps_scores: bool
    """Attention holds a score for each pair of tokens in memory."""

    def flops(self, rows: int, length: int) -> float:
        """Count operations.

        Args:
            rows: Rows of the batch.
            length: Tokens of each.

        Returns:
            FLOPs: two for each token and parameter, and for each pair of tokens of a row two for its score and
            two for its value, in every layer and element.
        """
        token = 2.0 * self.parameters + 4.0 * self.layers * self.hidden * length
        return rows * length * token

    def is_less(self, shared: tuple[int, int], plain: tuple[int, int]) -> bool:
        """Tell whether rows with shared prefixes cost less than TRL's.

        Args:
            shared: Number and length of rows with shared prefixes.
            plain: Number and length of TRL's rows.

        Returns:
            Whether they take fewer operations, and no more memory for scores that are kept.
        """
        if self.keeps_scores and shared[0] * shared[1] ** 2 > plain[0] * plain[1] ** 2:
            return False
        return self.flops(*shared) < self.flops(*plain)


def forward_cost(model: Any, attention: str) -> ForwardCost:
    """Find the cost of a model's backbone, without its embedding, which multiplies nothing.

    Args:
        model: A causal language model of transformers.
        attention: The attention implementation that transformers selected for it.

    Returns:
        The cost of a forward.
    """
    config = model.config.get_text_config()
    return ForwardCost(
        parameters=model.base_model.num_parameters(exclude_embeddings=True),
        layers=config.num_hidden_layers,
        hidden=config.num_attention_heads * _head_size(config),
        keeps_scores=attention == "eager",
    )


def _head_size(config: Any) -> int:
    size: int | None = getattr(config, "head_dim", None)
    return size or config.hidden_size // config.num_attention_heads


@dataclass
class PrefixSharingCollator(DataCollatorForPreference):  # type: ignore[misc]
    """TRL's batch, with the shared layout where it costs less."""

    backbone: SharedBackbone | None = None
    """What reads the layout; required."""
    cost: ForwardCost | None = None
    """The cost of the model's forward; required."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's batch of `examples`."""
        batch: dict[str, Any] = super().torch_call(examples)
        assert self.backbone is not None and self.cost is not None
        if not self.backbone.active:
            return batch
        layout = share_prefixes(batch["input_ids"], batch["attention_mask"])
        pairs, width = layout.ids.shape
        rows, length = batch["input_ids"].shape
        if self.cost.is_less((pairs, width), (rows, length)):
            batch.update(layout.model_inputs())
        return batch
