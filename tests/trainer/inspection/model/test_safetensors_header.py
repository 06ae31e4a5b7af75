"""A header that safetensors itself would refuse, or of sizes that no model has, is refused by file and tensor."""

from __future__ import annotations

from typing import Any

import pytest

from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.model.safetensors_header import validate_header


def tensor(shape: Any, offsets: Any = (0, 128), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


def test_whole_tensors_are_read_in_any_order() -> None:
    header = {"b": tensor([], (128, 132)), "a": tensor([4, 8]), "c": tensor([3], (132, 140), "NEW")}
    tensors = validate_header(header, "model.safetensors", "data/model")
    assert tensors == {"b": ("F32", ()), "a": ("F32", (4, 8)), "c": ("NEW", (3,))}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (tensor([10**30, 2]), "the shape [1000000000"),
        (tensor([2**27, 2**27]), "the shape [134217728, 134217728]"),
        (tensor([-4, -8]), "the shape [-4, -8]"),
        (tensor([0, 8], (0, 0)), "the shape [0, 8]"),
        (tensor([True, 32]), "the shape [True, 32]"),
        (tensor([4.0, 8]), "the shape [4.0, 8]"),
        (tensor("48"), "the shape '48'"),
        (tensor([4, 8], ("0", "128")), "the data_offsets ['0', '128']"),
        (tensor([4, 8], (0, 128, 0)), "the data_offsets [0, 128, 0]"),
        (tensor([4, 8], (-128, 0)), "the data_offsets [-128, 0]"),
        (tensor([4, 8], (4, 132)), "the data_offsets [4, 132], after 0 bytes"),
        (tensor([4, 8], (0, 64)), "the shape [4, 8] of F32, and 64 bytes"),
        (tensor([4], (16, 0), "NEW"), "the data_offsets [16, 0], after 0 bytes"),
        (tensor([4, 8], dtype=["F32"]), "no dtype"),
        ([], "no dtype"),
    ],
)
def test_a_damaged_tensor_is_named(entry: Any, problem: str) -> None:
    with pytest.raises(InspectionError) as caught:
        validate_header({"lm_head.weight": entry}, "model-2.safetensors", "data/model")
    assert caught.value.reason == "ModelUnreadable"
    head = "the header of model-2.safetensors of data/model is damaged: the tensor 'lm_head.weight' has "
    assert caught.value.message.startswith(head + problem)


def test_a_header_that_is_no_object_is_refused() -> None:
    with pytest.raises(InspectionError, match=r"the header of m of data is damaged$"):
        validate_header([1], "m", "data")
