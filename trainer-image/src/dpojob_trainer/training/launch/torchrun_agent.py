"""torchrun that records the exit statuses of its failed processes.

Run as `python -m dpojob_trainer.training.launch.torchrun_agent`. torchrun's exit status says only
that some process failed; which one, and by which signal, only its agent knows. It goes to the file
that `ContainerEnvironment.exit_statuses_file` names.
"""

from __future__ import annotations

import json
import sys

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from dpojob_trainer.shared.container_environment import ContainerEnvironment


def run(arguments: list[str]) -> int:
    """Run torchrun with these command line arguments and return its exit status."""
    try:
        main(arguments)
    except ChildFailedError as error:
        statuses = {rank: failure.exitcode for rank, failure in error.failures.items()}
        path = ContainerEnvironment().exit_statuses_file
        path.write_text(json.dumps(statuses), encoding="utf-8")
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
