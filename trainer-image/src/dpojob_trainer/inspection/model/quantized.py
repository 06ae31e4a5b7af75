"""The original shapes of quantized weights, which are stored packed."""

from __future__ import annotations

import math
from reprlib import repr as short_repr
from typing import Any

from dpojob_trainer.shared.errors import ModelUnreadable

from .files import text_config
from .non_parameters import parameters_of
from .safetensors_header import Tensors

Shapes = dict[str, tuple[int, ...]]

HELPERS = (
    ".qzeros", ".scales", ".g_idx", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
    ".SCB", ".weight_format", ".weight_scale", ".weight_scale_inv", ".input_scale",
    ".weight_zero_point", ".weight_shape", ".weight_g_idx", ".weight_global_scale",
)  # fmt: skip
"""Suffixes of tensors that describe the packing and are not parameters."""


def quantization_method(config: dict[str, Any]) -> str | None:
    """Read the quantization method of a config.

    Args:
        config: The model's config.

    Returns:
        Such as gptq, awq, bitsandbytes or fp8; None for a model that is not quantized.
    """
    settings = config.get("quantization_config")
    if not isinstance(settings, dict):
        return None
    method = settings.get("quant_method")
    if isinstance(method, str) and method:
        return method
    if settings.get("load_in_4bit") or settings.get("load_in_8bit"):
        return "bitsandbytes"
    return "unknown"


def unpack_shapes(tensors: Tensors, config: dict[str, Any]) -> Shapes:
    """Compute the shape of every parameter before packing, without buffers.

    bitsandbytes packs two 4-bit values into a byte, GPTQ and AWQ 32/bits values into an int32.

    Args:
        tensors: The tensors of the model's files, as stored.
        config: The model's config.

    Returns:
        The shapes, by parameter.

    Raises:
        ModelUnreadable: The config states bits that no weight has.
    """
    tensors = parameters_of(tensors)
    method = quantization_method(config)
    shapes = {name: shape for name, (_, shape) in tensors.items()}
    if method is None:
        return shapes
    settings = config["quantization_config"]
    bits = settings.get("bits") or settings.get("w_bit") or 4
    if type(bits) is not int or not 1 <= bits <= 32:
        raise ModelUnreadable(
            "quantization_config.bits in the model's config.json is a whole number from 1 to 32, not "
            + short_repr(bits)
        )
    found: Shapes = {}
    for name, shape in shapes.items():
        if name.endswith(HELPERS) or ".quant_state." in name or ".weight." in name:
            continue
        dtype = tensors[name][0]
        if name.endswith(".qweight") and len(shape) == 2 and dtype == "I32":
            factor = 32 // bits
            rows, columns = shape
            wide = method == "awq"
            real = (rows, columns * factor) if wide else (rows * factor, columns)
            # qweight is stored input first; a Linear's weight is (out, in).
            found[name.removesuffix(".qweight") + ".weight"] = (real[1], real[0])
        elif name.endswith(".weight_packed") and len(shape) == 2 and dtype == "I32":
            found[name.removesuffix("_packed")] = (shape[0], shape[1] * (32 // bits))
        elif method == "bitsandbytes" and dtype == "U8" and name.endswith(".weight"):
            found[name] = _nf4(name, shape, tensors, config)
        else:
            found[name] = shape
    return found


def _nf4(
    name: str, shape: tuple[int, ...], tensors: Tensors, config: dict[str, Any]
) -> tuple[int, ...]:
    """(out, in) of a 4-bit weight: two values per byte, divided by a width from the config."""
    total = 2 * math.prod(shape)
    if any(key.startswith(name + ".") for key in tensors) is False:
        return shape
    text = text_config(config)
    hidden = text.get("hidden_size")
    wide = text.get("intermediate_size")
    for width in (wide,) if "down_proj" in name else (hidden, wide):
        if isinstance(width, int) and width > 0 and total % width == 0:
            return (total // width, width)
    return (total, 1)
