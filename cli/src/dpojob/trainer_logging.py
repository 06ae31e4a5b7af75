"""What the trainer and its libraries may say on a terminal: warnings in a line each, or everything."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
}
"""Environment that silences the libraries; read when they are imported."""


class _OneLine(logging.Formatter):
    """Without tracebacks: the last word says what happened and what to do."""

    def formatException(self, ei: object) -> str:
        """Nothing."""
        return ""

    def format(self, record: logging.LogRecord) -> str:
        """The message alone."""
        return super().format(record).rstrip()


@contextmanager
def chatter(verbose: bool) -> Iterator[TextIO]:
    """Sets up logging; gives the stream for what libraries print: standard error, or nowhere."""
    handler = logging.StreamHandler()
    if verbose:
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        yield sys.stderr
        return
    handler.setFormatter(_OneLine("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    with Path(os.devnull).open("w") as nowhere:
        yield nowhere
