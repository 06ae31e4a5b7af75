"""The container's command, to which a signal comes at each moment between a run's end and its termination message."""

import signal
import sys

from dpojob_trainer.__main__ import main
from dpojob_trainer.training.launch import container, session

explain, run, write_outcome = session.explain, session.run, container.write_outcome


def terminated_explain(*arguments):
    signal.raise_signal(signal.SIGTERM)
    return explain(*arguments)


def terminated_run(*arguments, **options):
    outcome = run(*arguments, **options)
    signal.raise_signal(signal.SIGTERM)
    return outcome


def terminated_write(*arguments):
    signal.raise_signal(signal.SIGTERM)
    write_outcome(*arguments)


session.explain, container.run, container.write_outcome = (
    terminated_explain,
    terminated_run,
    terminated_write,
)
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
