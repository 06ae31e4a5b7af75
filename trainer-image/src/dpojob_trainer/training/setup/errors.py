"""Failures: what a user is told, the condition's reason and the exit status for each."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_trainer.inspection import InspectionError

EXIT_CODES: dict[str, int] = {
    Reason.COMPLETED: ExitCode.OK,
    Reason.OUT_OF_MEMORY: ExitCode.OUT_OF_MEMORY,
    Reason.DISK_FULL: ExitCode.DISK_FULL,
    Reason.UNHEALTHY: ExitCode.UNHEALTHY,
    Reason.STOPPED: ExitCode.INTERRUPTED,
    Reason.TRAINING_FAILED: ExitCode.INVALID,
}
"""Reasons that are no user error; every other reason is one that only an edit can mend."""


LOST_PEER = ("DistBackendError", "DistNetworkError", "DistStoreError")
"""torch.distributed's errors; gloo raises a plain RuntimeError that names its transport."""
LONGEST = 600
"""Characters of a library's own words."""
NO_SPACE = 16 << 20
"""Bytes; with less than this left, a failed write is a full disk."""


class Failure(Exception):
    """Training cannot go on; the message says why and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @classmethod
    def user(cls, message: str, reason: Reason = Reason.INVALID_SPEC) -> Failure:
        """A failure that only an edit of the spec or the data can mend."""
        return cls(reason, message)


class Interrupted(BaseException):
    """SIGTERM came. Not an Exception, so that no library's `except Exception` swallows it."""


def exit_code(reason: str) -> int:
    """The container's exit status for an outcome's reason."""
    return EXIT_CODES.get(reason, ExitCode.USER_ERROR)


def explain(error: Exception, place: Path | None = None) -> Failure:
    """The cause a user understands of any exception out of training.

    `place` is where the run writes: its free space tells a full disk from another failed write, and
    what may not be written there is the spec's fault.
    """
    for cause in _chain(error):
        if isinstance(cause, Failure):
            return cause
        if isinstance(cause, InspectionError):
            return Failure(Reason(cause.reason), cause.message)
        if _is_disk_full(cause, place):
            return Failure(
                Reason.DISK_FULL,
                f"no space is left on the volume{_room(place)}. The last complete checkpoint is intact; "
                "enlarge the claim or free space on it, and the job goes on from there.",
            )
        if place is not None and isinstance(cause, OSError):
            refused = _unwritable(cause, place)
            if refused is not None:
                return refused
        if _is_out_of_memory(cause):
            return Failure(Reason.OUT_OF_MEMORY, one_line(cause))
    name = type(error).__name__
    return Failure(Reason.TRAINING_FAILED, f"{name}: {one_line(error)}")


def is_lost_peer(error: Exception) -> bool:
    """Whether the error says only that another process of the set is gone."""
    return any(
        type(cause).__name__ in LOST_PEER or "gloo/transport" in str(cause)
        for cause in _chain(error)
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what caused it."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_disk_full(error: BaseException, place: Path | None) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # torch's zip writer forgets why a write failed.
    if "inline_container" in str(error) or "PytorchStreamWriter" in str(error):
        return place is not None and place.is_dir() and shutil.disk_usage(place).free < NO_SPACE
    # safetensors raises its own type and keeps only the text.
    return bool(
        re.search(r"No space left on device|\(os error 28\)|Disk quota exceeded", str(error))
    )


def _room(place: Path | None) -> str:
    if place is None or not place.is_dir():
        return ""
    usage = shutil.disk_usage(place)
    return f": {usage.free / (1 << 20):.0f} MiB of {usage.total / (1 << 30):.1f} GiB are free"


def _unwritable(error: OSError, place: Path) -> Failure | None:
    """Why nothing can be written to `place`, where that is what the error says."""
    if not isinstance(error.filename, str):
        return None
    path = Path(error.filename)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and place.is_relative_to(path):
        return Failure(
            Reason.OUTPUT_OCCUPIED,
            f"the directory of output.volume cannot be made: {path} is a file. Name another "
            "output.volume.path.",
        )
    near = path.is_relative_to(place) or place.is_relative_to(path)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and near:
        return Failure.user(
            f"nothing can be written to the directory of output.volume ({error.strerror}: {path}). Name "
            "a claim that is not read-only, and a directory in it that its user may write to."
        )
    return None


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return bool(
        re.search(r"out of memory|can't allocate memory|CUBLAS_STATUS_ALLOC_FAILED", str(error))
    )


def one_line(error: BaseException) -> str:
    """What the error says, on one line and not too long."""
    return " ".join(str(error).split())[:LONGEST].rstrip(".") or "no further message"
