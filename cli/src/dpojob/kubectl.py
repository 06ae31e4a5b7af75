"""Access to the cluster through the user's kubectl, with its credentials, context and permissions."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from .errors import CommandError


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a context.

    Attributes:
        context: The context of every call; None for kubectl's current one.
    """

    context: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Builds a command line.

        Args:
            *arguments: kubectl's arguments, without a context.

        Returns:
            The program's path and all its arguments.

        Raises:
            CommandError: kubectl is not installed.
        """
        program = shutil.which("kubectl")
        if program is None:
            raise CommandError(
                "kubectl is not on PATH; install it, or use inspect, plan and train", reason=None
            )
        flags = [f"--context={self.context}"] if self.context else []
        return [program, *flags, *arguments]
