"""A plan for a GPU trains on that GPU or says at once why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.plan import Plan
from dpojob_trainer.training import run
from dpojob_trainer.training.launch import device_facts
from dpojob_trainer.training.launch.device_check import check_devices
from dpojob_trainer.training.launch.device_facts import (
    Device,
    DeviceFacts,
    parse_capability,
    read_device_facts,
)
from dpojob_trainer.training.setup.errors import exit_code

A10G = Device("NVIDIA A10G", (8, 6), 22.06)
T4 = Device("Tesla T4", (7, 5), 14.56)
V100 = Device("Tesla V100-SXM2-32GB", (7, 0), 31.73)
USABLE = DeviceFacts(
    devices=(A10G,),
    torch_cuda="13.2",
    torch_capabilities=((7, 5), (8, 0), (9, 0)),
    driver="580.95.05",
    driver_cuda=(13, 0),
    error=None,
)
NONE = replace(USABLE, devices=(), error="Found no NVIDIA driver on your system. ")


def plan(**changes: Any) -> Plan:
    return Plan.model_validate(
        {
            "pool": "a10g", "gpuModel": "A10G", "method": "lora", "precision": "bf16",
            "perDeviceBatchSize": 1, "gradientAccumulation": 1,
            "memoryGiB": {"needed": 18, "available": 21.8}, "estimate": {"hours": 1, "cost": "1"},
            **changes,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({}, USABLE),
        ({"gpuModel": "CPU"}, NONE),
        ({"gpuModel": None}, NONE),
        ({"gpus": 2}, replace(USABLE, devices=(A10G, A10G))),
        ({"gpus": 2, "nodes": 2}, USABLE),
        ({}, replace(USABLE, devices=(A10G, V100))),
        ({"memoryGiB": {"needed": 9, "available": 14.56}}, replace(USABLE, devices=(T4,))),
    ],
)
def test_a_plan_that_the_gpus_allow(changes: dict[str, Any], facts: DeviceFacts) -> None:
    assert check_devices(plan(**changes), facts) is None


@pytest.mark.parametrize(
    ("changes", "facts", "reason", "parts"),
    [
        (
            {},
            replace(NONE, driver=None, driver_cuda=None),
            "GPUNotUsable",
            ("no NVIDIA driver", "CUDA 13.2", "driver 580.65.06 or newer", "runtimeClassName",
             "Found no NVIDIA driver on your system)", "gpu.model: CPU"),
        ),
        (
            {},
            replace(NONE, driver="535.104.05", driver_cuda=(12, 2), error="driver is too old"),
            "GPUNotUsable",
            ("driver 535.104.05", "CUDA 12.2", "driver 580.65.06 or newer", "TORCH_INDEX"),
        ),
        ({}, replace(NONE, error="CUDA unknown error"), "GPUNotUsable", ("nvidia-smi",)),
        (
            {},
            replace(NONE, torch_cuda=None, torch_capabilities=()),
            "GPUNotUsable",
            ("built without CUDA",),
        ),
        ({"gpus": 2}, USABLE, "GPUNotUsable", ("counts on 2 GPU(s)", "can use 1 of them")),
        (
            {},
            replace(USABLE, devices=(V100,)),
            "GPUNotUsable",
            ("V100", "capability 7.0", "7.5 and newer", "hardware.pool"),
        ),
        (
            {},
            replace(USABLE, devices=(T4,)),
            "InvalidPool",
            ("21.8 GiB", "Tesla T4 has 14.6 GiB", "gpu.memoryGiB"),
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_and_what_to_do(
    changes: dict[str, Any], facts: DeviceFacts, reason: str, parts: tuple[str, ...]
) -> None:
    error = check_devices(plan(**changes), facts)
    assert error is not None
    assert error.reason == reason
    assert [part for part in parts if part not in error.message] == []
    assert exit_code(error.reason) == 15


def test_names_of_architectures() -> None:
    names = ["sm_75", "sm_100", "sm_90a", "compute_90"]
    assert [parse_capability(name) for name in names] == [(7, 5), (10, 0), (9, 0), None]


def test_the_installed_torch_supports_a_t4_and_nothing_older() -> None:
    facts = read_device_facts()
    assert min(facts.torch_capabilities) == (7, 5)
    assert facts.torch_cuda is not None and facts.torch_cuda.startswith("13.")
    assert bool(facts.devices) is (facts.error is None)


def test_the_driver_says_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "version"
    file.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
        "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n"
    )
    monkeypatch.setattr(device_facts, "DRIVER_VERSION_FILE", file)
    assert read_device_facts().driver == "535.104.05"


@pytest.mark.train
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_plan_for_a_gpu_does_not_train_on_the_processor(make_job: MakeJob) -> None:
    job = make_job(plan={"gpuModel": "T4"})
    outcome = run(job)
    assert (outcome.outcome, outcome.reason) == ("Failed", "GPUNotUsable"), outcome.message
    assert "no NVIDIA driver" in outcome.message
    assert not (job.output / "config.json").exists()
