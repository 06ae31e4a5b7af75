"""Validates what the header of a safetensors file states about each tensor, before anything computes with it."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short_repr
from typing import Any

from dpojob_api.base import MAX_COUNT
from dpojob_trainer.shared.errors import ModelUnreadable

Tensors = Mapping[str, tuple[str, tuple[int, ...]]]
"""Dtype and shape by tensor name."""
BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32,
    "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
"""Bits of an element, as safetensors' `Dtype` has them. The sizes of tensors of a newer dtype are not checked."""


def validate_header(header: Any, name: str, source: str) -> Tensors:
    """Check every tensor of a header by the rules of safetensors' own reader.

    A shape holds whole numbers above 0, its product is at most `MAX_COUNT`, and it takes as many bytes as
    lie between the tensor's offsets. The tensors lie one after another, without gaps.

    Args:
        header: The JSON value of the header, without `__metadata__`.
        name: The file.
        source: How messages call the model.

    Returns:
        The tensors.

    Raises:
        ModelUnreadable: The header breaks a rule; the message names file and tensor.
    """
    if not isinstance(header, dict):
        raise ModelUnreadable(f"the header of {name} of {source} is damaged")
    problem = _find_problem(header)
    if problem is not None:
        raise ModelUnreadable(f"the header of {name} of {source} is damaged: {problem}")
    return {key: (entry["dtype"], tuple(entry["shape"])) for key, entry in header.items()}


def _find_problem(header: dict[str, Any]) -> str | None:
    """The first tensor that breaks a rule, and how; None where none does."""
    for key, entry in header.items():
        problem = _entry_problem(entry)
        if problem is not None:
            return f"the tensor {key[:100]!r} has {problem}"
    position = 0
    for key in sorted(header, key=lambda key: header[key]["data_offsets"]):
        begin, end = header[key]["data_offsets"]
        if not position == begin <= end:
            return f"the tensor {key[:100]!r} has the data_offsets [{begin}, {end}], after {position} bytes"
        position = end
    return None


def _entry_problem(entry: Any) -> str | None:
    """What is wrong with the entry of one tensor; None where nothing is."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        return "no dtype"
    shape, offsets = entry.get("shape"), entry.get("data_offsets")
    elements = _count_elements(shape) if isinstance(shape, list) else None
    if elements is None:
        return f"the shape {short_repr(shape)}"
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_offset, offsets)):
        return f"the data_offsets {short_repr(offsets)}"
    bits = BITS.get(entry["dtype"])
    if bits is not None and elements * bits != (offsets[1] - offsets[0]) * 8:
        return f"the shape {short_repr(shape)} of {entry['dtype']}, and {offsets[1] - offsets[0]} bytes"
    return None


def _count_elements(shape: list[Any]) -> int | None:
    """The product of a shape; None where it is no shape of a stored tensor."""
    elements = 1
    for size in shape:
        if type(size) is not int or size < 1:
            return None
        elements *= size
        if elements > MAX_COUNT:
            return None
    return elements


def _is_offset(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT
