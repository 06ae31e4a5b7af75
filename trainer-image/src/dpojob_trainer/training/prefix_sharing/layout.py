"""The layout of a batch of pairs with shared prefixes: which token goes where, and back."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch

PREFIX, CHOSEN, REJECTED, PADDING = range(4)
"""Branches of a row: a token sees its own branch and the prefix."""
NAME = "prefix_sharing_"
"""Beginning of the names under which a layout is passed through the model to its backbone."""


@dataclass(frozen=True)
class SharedLayout:
    """Rows of prefix, rest of chosen, rest of rejected, padded on the right to one width."""

    ids: torch.Tensor
    """Token ids, (pairs, width)."""
    positions: torch.Tensor
    """Position of each token in TRL's row of its branch, (pairs, width); 0 for padding."""
    branches: torch.Tensor
    """Branch of each token, (pairs, width)."""
    sources: torch.Tensor
    """Where each token of TRL's rows is among the flattened tokens of this layout, (2 x pairs, length); for
    padding any place."""

    def model_inputs(self) -> dict[str, torch.Tensor]:
        """The layout as inputs of a model, which its backbone reads with `from_model_inputs`."""
        return {NAME + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_model_inputs(cls, inputs: dict[str, torch.Tensor]) -> SharedLayout | None:
        """Take the layout out of `inputs`; None where they hold none."""
        names = [field.name for field in fields(cls)]
        found = {name: inputs.pop(NAME + name) for name in names if NAME + name in inputs}
        return cls(**found) if found else None


def share_prefixes(ids: torch.Tensor, attention_mask: torch.Tensor) -> SharedLayout:
    """Lay the pairs of a batch out with shared prefixes.

    What is shared is whatever both rows of a pair begin with after truncation, so that answers which begin alike
    share more than the prompt, and rows that were cut differently at their beginning share nothing.

    Args:
        ids: TRL's rows, chosen before rejected, padded on the right, (2 x pairs, length).
        attention_mask: 1 for tokens and 0 for padding, of the same shape.

    Returns:
        The layout, on the same device.
    """
    chosen, rejected = ids.chunk(2)
    lengths = attention_mask.sum(1)
    chosen_length, rejected_length = lengths.chunk(2)
    real = attention_mask.bool()
    both = real[: len(chosen)] & real[len(chosen) :]
    prefix = ((chosen == rejected) & both).long().cumprod(1).sum(1)
    width = int((chosen_length + rejected_length - prefix).max())
    place = torch.arange(width, device=ids.device)[None]
    of_chosen = place < chosen_length[:, None]
    in_rejected = place - (chosen_length - prefix)[:, None]
    of_rejected = ~of_chosen & (in_rejected < rejected_length[:, None])

    positions = torch.where(of_chosen, place, in_rejected).masked_fill(
        ~(of_chosen | of_rejected), 0
    )
    branches = torch.full_like(positions, PADDING)
    branches[of_rejected] = REJECTED
    branches[of_chosen] = CHOSEN
    branches[place.expand_as(branches) < prefix[:, None]] = PREFIX
    tokens = torch.where(of_chosen, chosen.gather(1, positions), rejected.gather(1, positions))
    return SharedLayout(tokens, positions, branches, _sources(lengths, prefix, ids.shape[1], width))


def _sources(lengths: torch.Tensor, prefix: torch.Tensor, length: int, width: int) -> torch.Tensor:
    """Places among the flattened (pairs, width) tokens, of tokens of TRL's rows, (2 x pairs, length)."""
    pairs = len(prefix)
    place = torch.arange(length, device=lengths.device)[None].expand(2 * pairs, -1)
    shift = torch.cat([torch.zeros_like(prefix), lengths[:pairs] - prefix])
    after_prefix = place >= torch.cat([prefix, prefix])[:, None]
    within = torch.where(after_prefix, place + shift[:, None], place)
    row = torch.arange(pairs, device=lengths.device).repeat(2)
    # Padding has no place of its own; what is copied to it is never read.
    return row[:, None] * width + within.masked_fill(place >= lengths[:, None], 0)
