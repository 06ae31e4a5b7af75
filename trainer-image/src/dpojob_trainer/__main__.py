"""The containers' command: `python -m dpojob_trainer inspect | train`.

The environment says what to do (`shared.container_environment`), the result goes to the termination
message, and the exit status is one of `dpojob_api.constants.ExitCode`. Each stage is imported only
when it is requested, since the inspection image has no torch.
"""

from __future__ import annotations

import logging
import signal
import sys

from dpojob_api.constants import ExitCode

from .shared.container_environment import ContainerEnvironment


def main(arguments: list[str]) -> int:
    """Run one stage and return its exit status."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    environment = ContainerEnvironment()
    if arguments == ["inspect"]:
        from .inspection.container import inspect_container

        return inspect_container(environment)
    if arguments == ["train"]:
        # The kernel drops a signal that the first process of a container has no handler for, and the
        # kubelet would then kill it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitCode.INTERRUPTED))
        from .training.launch.container import train_container

        return train_container(environment)
    print("usage: python -m dpojob_trainer inspect | train", file=sys.stderr)
    return ExitCode.UNREADABLE_INPUT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
