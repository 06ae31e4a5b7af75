"""Errors that end a training run: the message for the user, the condition's reason, the exit status."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_trainer.shared.errors import InspectionError

EXIT_CODES: dict[str, int] = {
    Reason.COMPLETED: ExitCode.OK,
    Reason.OUT_OF_MEMORY: ExitCode.OUT_OF_MEMORY,
    Reason.DISK_FULL: ExitCode.DISK_FULL,
    Reason.GPU_NOT_USABLE: ExitCode.GPU_NOT_USABLE,
    Reason.INVALID_POOL: ExitCode.GPU_NOT_USABLE,
    Reason.UNHEALTHY: ExitCode.UNHEALTHY,
    Reason.STOPPED: ExitCode.INTERRUPTED,
    Reason.TRAINING_FAILED: ExitCode.INVALID,
}
"""Reasons that are no user error; for every other reason the spec or the data must be changed."""


STOPPED_BY_SIGNAL = "Stopped by a signal"
LOST_PEER = "Another process of the set was lost"
KILLED = "Killed"
"""How the message of an interrupted run begins, by its cause."""
LOST_PEER_ERRORS = ("DistBackendError", "DistNetworkError", "DistStoreError")
"""torch.distributed's errors; gloo raises a plain RuntimeError that names its transport."""
MESSAGE_LENGTH = 600
"""Characters that are kept of a library's error message."""
FULL_DISK_BYTES = 16 << 20
"""Bytes; where less is free, a failed write is taken for a full disk."""


class TrainingError(Exception):
    """Training cannot continue; the message says why and what to do about it."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @classmethod
    def invalid_spec(cls, message: str) -> TrainingError:
        """An error that lasts until the user changes the spec."""
        return cls(Reason.INVALID_SPEC, message)


class Interrupted(BaseException):
    """SIGTERM was received. Not an Exception, so that no library's `except Exception` catches it."""


def exit_code(reason: str) -> int:
    """The container's exit status for an outcome's reason."""
    return EXIT_CODES.get(reason, ExitCode.USER_ERROR)


def explain(error: Exception, directory: Path | None = None) -> TrainingError:
    """The error to report to the user for any exception that training raises.

    `directory` is the output directory: its free space distinguishes a full disk from another failed
    write, and a directory that cannot be written to is an error in the spec.
    """
    for cause in _chain(error):
        if isinstance(cause, TrainingError):
            return cause
        if isinstance(cause, InspectionError):
            return TrainingError(Reason(cause.reason), cause.message)
        if _is_disk_full(cause, directory):
            return TrainingError(
                Reason.DISK_FULL,
                f"no space is left on the volume{_free_space(directory)}. The last complete checkpoint is intact; "
                "enlarge the claim or free space on it, and the job goes on from there.",
            )
        if directory is not None and isinstance(cause, OSError):
            output_error = _output_error(cause, directory)
            if output_error is not None:
                return output_error
        if _is_out_of_memory(cause):
            return TrainingError(Reason.OUT_OF_MEMORY, one_line(cause))
    name = type(error).__name__
    return TrainingError(Reason.TRAINING_FAILED, f"{name}: {one_line(error)}")


def evaluation_failure(error: Exception, directory: Path) -> str:
    """Why figures of a finished model in `directory` are missing, for the user."""
    for cause in _chain(error):
        if _is_disk_full(cause, directory):
            return (
                "No space was left for the evaluation on a volume of the training pod (output.volume"
                f"{_free_space(directory)}). The model is complete: free space or enlarge the claim, and evaluate "
                "alone with `dpojob evaluate`."
            )
    message = error.message if isinstance(error, TrainingError) else one_line(error)
    return f"Figures are missing: {type(error).__name__}: {message}"


def is_lost_peer(error: Exception) -> bool:
    """Whether the error means only that another process of the set has ended."""
    return any(
        type(cause).__name__ in LOST_PEER_ERRORS or "gloo/transport" in str(cause)
        for cause in _chain(error)
    )


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error, then its causes."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_disk_full(error: BaseException, directory: Path | None) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # torch's zip writer does not keep the errno of a failed write.
    if "inline_container" in str(error) or "PytorchStreamWriter" in str(error):
        return (
            directory is not None
            and directory.is_dir()
            and shutil.disk_usage(directory).free < FULL_DISK_BYTES
        )
    # safetensors raises its own error type, which keeps only the text.
    return bool(
        re.search(r"No space left on device|\(os error 28\)|Disk quota exceeded", str(error))
    )


def _free_space(directory: Path | None) -> str:
    if directory is None or not directory.is_dir():
        return ""
    usage = shutil.disk_usage(directory)
    return f": {usage.free / (1 << 20):.0f} MiB of {usage.total / (1 << 30):.1f} GiB are free"


def _output_error(error: OSError, directory: Path) -> TrainingError | None:
    """The error for an output directory that cannot be written to; None where `error` is another one."""
    if not isinstance(error.filename, str):
        return None
    path = Path(error.filename)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and directory.is_relative_to(path):
        return TrainingError(
            Reason.OUTPUT_OCCUPIED,
            f"the directory of output.volume cannot be made: {path} is a file. Name another "
            "output.volume.path.",
        )
    near = path.is_relative_to(directory) or directory.is_relative_to(path)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and near:
        return TrainingError.invalid_spec(
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
    """The error's message on one line, cut to MESSAGE_LENGTH."""
    return " ".join(str(error).split())[:MESSAGE_LENGTH].rstrip(".") or "no further message"
