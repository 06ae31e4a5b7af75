"""A model without memory for its weights, to which libraries do what they do to any other.

PEFT loads an adapter onto it; accelerate shards it together with the first process's weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import AuxiliaryTrainingWrapper


class Placeholder(torch.nn.Parameter):
    """A weight with the memory of one element, which is repeated to the weight's shape.

    On the meta device an adapter would lose its values, since PEFT moves it to the device of its base; and
    accelerate 1.15 finds the optimizer's weights by their addresses, which are all 0 there.
    """


def replace_by_placeholders(model: torch.nn.Module, dtype: torch.dtype | None = None) -> None:
    """Replace every weight of a model, such as one on the meta device. Weights that are tied stay tied.

    Args:
        model: The model.
        dtype: Of the placeholders, which PEFT gives to the weights of an adapter too; by default each
            weight's.
    """
    found: dict[torch.nn.Parameter, Placeholder] = {}
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if weight not in found:
                values = torch.zeros((), dtype=dtype or weight.dtype).expand(weight.shape)
                found[weight] = Placeholder(values, requires_grad=weight.requires_grad)
            setattr(module, name, found[weight])


def outermost_wrappers(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module]]:
    """Every module with its name, but none inside one of PEFT's."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if inside and name.startswith(inside):
            continue
        if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
            inside = (f"{name}.",)
        yield name, module
