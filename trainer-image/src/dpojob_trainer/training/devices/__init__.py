"""The GPUs of this container: what they say about themselves, and whether the plan can be followed on them.
`read_device_facts` reads CUDA, driver and torch; `check_devices` decides from that, without I/O."""

from .check import check_devices, counts_on_gpu
from .facts import read_device_facts

__all__ = ["check_devices", "counts_on_gpu", "read_device_facts"]
