"""Facts about this machine's GPUs, driver and torch. No other module reads them for checks."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

import torch

GIB = 1 << 30
DRIVER_VERSION_FILE = Path("/proc/driver/nvidia/version")
"""Written by NVIDIA's kernel module."""

Version = tuple[int, int]
"""Major and minor."""


@dataclass(frozen=True)
class Device:
    """One GPU that torch can use."""

    name: str
    capability: Version
    """CUDA compute capability; (7, 5) is sm_75."""
    memory_gib: float
    """All of its memory that CUDA reports, GiB."""


@dataclass(frozen=True)
class DeviceFacts:
    """The GPUs and what they need to be used."""

    devices: tuple[Device, ...]
    """The devices in CUDA's order; empty where torch can use none."""
    torch_cuda: str | None
    """CUDA version that this torch was built with; None for a build without CUDA."""
    torch_capabilities: tuple[Version, ...]
    """Compute capabilities that this torch has kernels for."""
    driver: str | None
    """Version of the driver; None where none is found."""
    driver_cuda: Version | None
    """Newest CUDA version of that driver; None where its library is not in the container."""
    error: str | None
    """Why torch can use no GPU, as the text of its error; None where it can use one."""


def read_device_facts() -> DeviceFacts:
    """Read the facts. Initialises CUDA, which takes GPU memory: only for processes that train."""
    error = None
    devices: tuple[Device, ...] = ()
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        devices = tuple(_device(index) for index in range(torch.cuda.device_count()))
    except (RuntimeError, AssertionError) as unusable:
        error = str(unusable)
    return DeviceFacts(
        devices=devices,
        torch_cuda=torch.version.cuda,
        torch_capabilities=tuple(
            capability
            for name in torch.cuda.get_arch_list()
            if (capability := parse_capability(name)) is not None
        ),
        driver=_driver_version(),
        driver_cuda=_driver_cuda_version(),
        error=error,
    )


def parse_capability(name: str) -> Version | None:
    """Parse the name of a CUDA architecture.

    Args:
        name: Such as sm_75, sm_100 or sm_90a.

    Returns:
        The compute capability, such as (7, 5) or (10, 0); None for PTX (compute_90).
    """
    found = re.fullmatch(r"sm_(\d+)(\d)[a-z]?", name)
    return None if found is None else (int(found[1]), int(found[2]))


def _device(index: int) -> Device:
    properties = torch.cuda.get_device_properties(index)
    return Device(
        properties.name, (properties.major, properties.minor), properties.total_memory / GIB
    )


def _driver_version() -> str | None:
    try:
        text = DRIVER_VERSION_FILE.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", text)
    return None if found is None else found[0]


def _driver_cuda_version() -> Version | None:
    """cuDriverGetVersion of the CUDA driver API, which needs no initialisation."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    number = ctypes.c_int()
    if driver.cuDriverGetVersion(ctypes.byref(number)) != 0:
        return None
    return number.value // 1000, number.value % 1000 // 10
