"""What a GPU throws when it is full, thrown inside a real training step: the reason and the advice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob, losses, metrics

from dpojob_trainer.training import run
from dpojob_trainer.training.launch.smaller_plan import halve_batch
from dpojob_trainer.training.loop import trainer
from dpojob_trainer.training.setup.errors import exit_code
from dpojob_trainer.training.setup.precision import keep_trainable_weights_in_fp32

pytestmark = pytest.mark.train
CUDA = (
    "CUDA out of memory. Tried to allocate 2.37 GiB. GPU 0 has a total capacity of 14.58 GiB of which "
    "1.21 GiB is free. Including non-PyTorch memory, this process has 13.36 GiB memory in use.\n"
    "See documentation for Memory Management"
)
ERRORS: dict[str, Callable[[], Exception]] = {
    "torch": lambda: torch.OutOfMemoryError(CUDA),
    "cublas": lambda: RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "driver": lambda: RuntimeError("CUDA error: out of memory\nCUDA kernel errors"),
    "bitsandbytes": lambda: RuntimeError(
        "Error out of memory at line 380 in file /src/csrc/ops.cu"
    ),
}
PLAN = {"memoryGiB": {"needed": 9.5, "available": 14.5}}


class Full(torch.nn.Module):
    """A layer that finds the GPU full in its backward pass, after a few steps."""

    def __init__(self, inner: torch.nn.Module, error: Any, after: int) -> None:
        super().__init__()
        self.inner, self._error, self._left = inner, error, after

    def forward(self, *arguments: Any, **more: Any) -> Any:
        found = self.inner(*arguments, **more)
        if found.requires_grad:
            found.register_hook(self._backward)
        return found

    def _backward(self, gradient: torch.Tensor) -> torch.Tensor:
        self._left -= 1
        if self._left < 0:
            raise self._error()
        return gradient


@pytest.fixture
def full_gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    def break_with(error: Any) -> None:
        load = trainer.load_model

        def loaded(*arguments: Any) -> Any:
            found = load(*arguments)
            layers = found.model.model.layers
            layers[0].mlp = Full(layers[0].mlp, error, after=5)
            return found

        monkeypatch.setattr(trainer, "load_model", loaded)

    return break_with


@pytest.mark.parametrize("kind", ERRORS)
def test_a_full_gpu_says_what_was_needed_and_what_to_change(
    make_job: MakeJob, full_gpu: Any, kind: str
) -> None:
    full_gpu(ERRORS[kind])
    job = make_job(plan=PLAN)
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "OutOfMemory"), failed.message
    assert exit_code(failed.reason) == 11
    for part in ("measured peak", "9.5 GiB", "14.5 GiB", "training.method: lora", "maxLength"):
        assert part in failed.message
    assert "\n" not in failed.message and str(ERRORS[kind]()).splitlines()[0] in failed.message
    assert failed.progress.step > 0
    assert not (job.output / "config.json").exists()


@pytest.mark.parametrize(
    ("method", "advice"), [("full", "training.method: lora"), ("lora", "training.method: qlora")]
)
def test_the_advice_is_what_is_left_to_try(
    make_job: MakeJob, full_gpu: Any, method: str, advice: str
) -> None:
    def allocate() -> Exception:
        try:
            torch.empty(1 << 50)
        except RuntimeError as error:
            return error
        raise AssertionError("there is a petabyte of memory")

    full_gpu(allocate)
    failed = run(make_job(spec={"training": {"method": method}}, plan=PLAN))
    assert failed.reason == "OutOfMemory" and advice in failed.message


class FullAtSize(torch.nn.Module):
    """A layer that finds the GPU full in a forward of training with more than `rows` rows, after a few."""

    def __init__(self, inner: torch.nn.Module, rows: int, after: int) -> None:
        super().__init__()
        self.inner, self._rows, self._left = inner, rows, after

    def forward(self, hidden: torch.Tensor) -> Any:
        self._left -= self.training
        if self._left < 0 and len(hidden) > self._rows:
            raise torch.OutOfMemoryError(CUDA)
        return self.inner(hidden)


def test_training_goes_on_from_its_checkpoint_with_half_the_batch_and_the_same_steps(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTORCH_ALLOC_CONF", raising=False)
    arguments = {"max_steps": 5, "save_steps": 2, "eval_strategy": "no"}
    spec = {"training": {"arguments": arguments}}
    plain = make_job(spec=spec, output="plain")
    assert run(plain).outcome == "Succeeded"
    load = trainer.load_model

    def loaded(*options: Any) -> Any:
        found = load(*options)
        layers = found.model.model.layers
        layers[0].mlp = FullAtSize(layers[0].mlp, rows=2, after=6)
        return found

    monkeypatch.setattr(trainer, "load_model", loaded)
    job = make_job(spec=spec, output="full")
    seen = []
    outcome = run(job, on_progress=lambda progress: seen.append(progress.notice))
    assert (outcome.outcome, outcome.reason) == ("Succeeded", "Completed"), outcome.message
    notice = outcome.progress.notice or ""
    assert notice in seen and seen[0] is None
    assert "at step 3 with 2 pairs per GPU" in notice
    assert "the checkpoint of step 2 with 1, and accumulates 4 times" in notice
    assert outcome.progress.resumed_from == 2
    assert losses(metrics(job)) == pytest.approx(losses(metrics(plain)), abs=1e-4)
    assert "at step 3 with 2 pairs per GPU" in (job.output / "report.html").read_text()
    assert os.environ["PYTORCH_ALLOC_CONF"] == "expandable_segments:True"


def test_torch_reads_the_variable_that_is_set_for_its_allocator() -> None:
    library = Path(torch.__file__).parent / "lib" / "libc10.so"
    assert b"\0PYTORCH_ALLOC_CONF\0" in library.read_bytes()


def test_a_second_out_of_memory_is_final(make_job: MakeJob, full_gpu: Any) -> None:
    full_gpu(ERRORS["torch"])
    failed = run(make_job(plan=PLAN))
    assert (failed.outcome, failed.reason) == ("Failed", "OutOfMemory")
    for part in ("with 2 pairs per GPU at a time", "with 1, and accumulates 4", "not enough."):
        assert part in failed.message, failed.message


@pytest.mark.parametrize(
    ("before", "after"), [((8, 1), (4, 2)), ((6, 2), (3, 4)), ((3, 1), (1, 3)), ((1, 8), None)]
)
def test_the_pairs_of_an_optimizer_step_stay(
    make_job: MakeJob, before: tuple[int, int], after: tuple[int, int] | None
) -> None:
    size, accumulation = before
    plan = make_job().plan.model_copy(
        update={"per_device_batch_size": size, "gradient_accumulation": accumulation}
    )
    found = halve_batch(plan)
    assert after == (
        None if found is None else (found.per_device_batch_size, found.gradient_accumulation)
    )


def test_fp16_never_scales_the_gradients_of_other_16_bit_weights() -> None:
    layers = torch.nn.ModuleList(
        torch.nn.Linear(2, 2, dtype=dtype)
        for dtype in (torch.bfloat16, torch.float16, torch.float32)
    )
    layers[1].requires_grad_(False)
    keep_trainable_weights_in_fp32(layers)
    assert [layer.weight.dtype for layer in layers] == [
        torch.float32, torch.float16, torch.float32,
    ]  # fmt: skip
