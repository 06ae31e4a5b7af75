"""torchrun that leaves behind how its processes ended: `python -m dpojob_trainer.training.launch.torchrun_agent`.

torchrun's own exit status says only that some process failed. Which one was killed, by what, is
known to it alone, and goes to the file that ENV_ENDINGS names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from .launcher import ENV_ENDINGS


def run(arguments: list[str]) -> int:
    """torchrun's command line; gives its exit status."""
    try:
        main(arguments)
    except ChildFailedError as error:
        endings = {rank: failure.exitcode for rank, failure in error.failures.items()}
        Path(os.environ[ENV_ENDINGS]).write_text(json.dumps(endings), encoding="utf-8")
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
