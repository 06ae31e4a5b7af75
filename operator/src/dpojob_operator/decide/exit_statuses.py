"""Exit statuses of the training container that both its Job's failure policy and `decide` depend on."""

from __future__ import annotations

from dpojob_api.constants import ExitCode

SIGTERM_EXIT = 143
"""Status of a container stopped before it could catch the signal: interrupted, like 12."""
FINAL_EXITS = (
    ExitCode.USER_ERROR,
    ExitCode.OUT_OF_MEMORY,
    ExitCode.DISK_FULL,
    ExitCode.UNHEALTHY,
    ExitCode.GPU_NOT_USABLE,
)
"""Statuses after which a retry would end with the same status."""
