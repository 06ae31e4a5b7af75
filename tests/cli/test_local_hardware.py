"""This machine as a pool of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpojob.local_hardware import free_memory_gib, local_pool, parse_nvidia_smi
from dpojob_planner.estimates import usable_gib


@pytest.mark.parametrize(
    ("listing", "model", "bf16"),
    [
        ("NVIDIA A10G, 22515, 8.6\n", "NVIDIA A10G", True),
        ("Tesla T4, 14910, 7.5\n", "Tesla T4", False),
        ("NVIDIA H100 80GB HBM3, 80994, 9.0\nNVIDIA H100 80GB HBM3, 100, 9.0\n", "NVIDIA H100 80GB HBM3", True),
    ],
)  # fmt: skip
def test_the_first_gpu_offers_all_that_is_free(listing: str, model: str, bf16: bool) -> None:
    gpu = parse_nvidia_smi(listing)
    assert gpu is not None
    assert (gpu.model, gpu.bf16) == (model, bf16)
    free = float(listing.split("\n")[0].split(",")[1])
    assert usable_gib(gpu) == pytest.approx(free / 1024)


@pytest.mark.parametrize("listing", ["", "No devices were found\n", "GPU, [N/A], [N/A]\n"])
def test_no_gpu_is_no_gpu(listing: str) -> None:
    assert parse_nvidia_smi(listing) is None


def test_memory_is_what_programs_can_still_have(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 99999999 kB\nMemAvailable:    2097152 kB\n")
    assert 0 < free_memory_gib(meminfo) <= 2.0


def test_there_is_always_a_pool() -> None:
    pool = local_pool()
    assert pool.has_room(1)
    assert pool.spec.gpu.memory_gib > 0
