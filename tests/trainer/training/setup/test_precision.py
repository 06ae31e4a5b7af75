"""The precision follows what the GPU computes in, not what torch can emulate on it."""

from __future__ import annotations

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training.setup.precision import choose_precisions


@pytest.mark.parametrize(
    ("capability", "compute"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((8, 9), "bf16"), ((10, 0), "bf16")]
)  # fmt: skip
def test_bf16_needs_compute_capability_8(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], compute: str
) -> None:
    plan = make_job(plan={"precision": "bf16", "method": "lora"}).plan
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)  # As it is on a T4.
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
    found = choose_precisions(plan, 10**9)
    assert found.compute == compute
    assert found.weights == {"fp16": torch.float16, "bf16": torch.bfloat16}[compute]
    assert (found.note is None) == (compute == "bf16")
