"""The error that ends a command."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode


class CommandError(Exception):
    """Ends the command with a message for the user and an exit status.

    Args:
        message: The message.
        code: The exit status.
        reason: The condition reason; None for none.

    Attributes:
        code: The exit status.
        reason: The condition reason that the resource would carry on a cluster; None where it would
            carry none.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = ExitCode.UNREADABLE_INPUT,
        reason: str | None = Reason.INVALID_SPEC,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = None if reason is None else str(reason)
