"""A safetensors file, written tensor by tensor.

`safetensors.torch.save_file` first copies all tensors of a GPU to main memory, and has no digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch

from dpojob_trainer.training.digested_files import DigestingFile

ALIGNMENT = 8
"""Bytes; the data begins at a multiple of it, as the format asks (github.com/huggingface/safetensors)."""
NAMES = {
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.complex64: "C64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Types of tensors by the names of the format, in the order in which it stores them: the largest elements first, so
that every tensor begins at a multiple of its element's size."""


def write_tensors(
    file: DigestingFile, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None
) -> None:
    """Write tensors in the safetensors format; one at a time is in main memory.

    Args:
        file: An empty file.
        tensors: By name, on any device; each is written whole, also where two share memory.
        metadata: Of the file.
    """
    order = list(NAMES)
    names = sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = dict(metadata)
    end = 0
    for name in names:
        tensor, begin = tensors[name], end
        end += tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        file.write(_content(tensors[name]))


def _content(tensor: torch.Tensor) -> memoryview:
    """A tensor's elements in main memory, as bytes: numpy has no bfloat16."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
