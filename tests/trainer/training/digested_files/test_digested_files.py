"""Files whose digest is known when they are written."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dpojob_trainer.training.digested_files import FileDigests, read_digest
from dpojob_trainer.training.dpo_trainer.tensor_file import write_tensors

TENSORS = {
    "layers.0.weight": torch.randn(3, 5, dtype=torch.bfloat16),
    "count": torch.tensor(3),
    "mask": torch.tensor([True, False, True]),
    "empty": torch.zeros(0, 4),
    "transposed": torch.arange(6.0).reshape(2, 3).T,
    "half": torch.ones(7, dtype=torch.float16),
}


def test_the_file_is_the_one_that_safetensors_writes(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    digests = FileDigests()
    with digests.writing(ours) as file:
        write_tensors(file, TENSORS, {"format": "pt"})
    contiguous = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    save_file(contiguous, theirs, metadata={"format": "pt"})
    assert ours.read_bytes() == theirs.read_bytes()
    for name, tensor in load_file(ours).items():
        assert torch.equal(tensor, TENSORS[name])
    assert digests.of(ours) == read_digest(ours)


def test_one_tensor_at_a_time_is_in_main_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[weakref.ref[torch.Tensor]] = []

    def cpu(tensor: torch.Tensor) -> torch.Tensor:
        """Makes a copy, as it does of a tensor on a GPU."""
        assert [copy() for copy in copies if copy() is not None] == []
        copy = tensor.clone()
        copies.append(weakref.ref(copy))
        return copy

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    with FileDigests().writing(tmp_path / "file") as file:
        write_tensors(file, TENSORS, None)
    assert len(copies) == len(TENSORS)


def test_torch_writes_its_own_format_with_a_digest(tmp_path: Path) -> None:
    digests, path = FileDigests(), tmp_path / "optimizer.pt"
    with digests.writing(path) as file:
        torch.save(TENSORS, file)
    assert digests.of(path) == read_digest(path)
    assert torch.load(path, mmap=True).keys() == TENSORS.keys()


@pytest.mark.parametrize("change", ["longer", "forgotten", "failed"])
def test_a_file_that_was_written_elsewhere_is_read(tmp_path: Path, change: str) -> None:
    digests, path = FileDigests(), tmp_path / "file"
    with digests.writing(path) as file:
        file.write(b"first")
    written: Any = b"second" if change == "longer" else b"other"
    if change == "forgotten":
        digests.forget(tmp_path)
    if change == "failed":
        with pytest.raises(OSError), digests.writing(path):
            raise OSError
    path.write_bytes(written)
    assert digests.of(path) == read_digest(path)
