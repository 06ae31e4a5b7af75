"""Logging of the trainer and its libraries on a terminal: one-line warnings, or everything."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

QUIET_ENVIRONMENT = {
    "TRANSFORMERS_VERBOSITY": "error",
    "DATASETS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
}
"""Environment that silences the libraries; they read it when they are imported."""


class _OneLineFormatter(logging.Formatter):
    """Leaves tracebacks out, because the outcome printed at the end explains the failure."""

    def formatException(self, ei: object) -> str:
        """Formats no traceback."""
        return ""

    def format(self, record: logging.LogRecord) -> str:
        """Formats the message alone."""
        return super().format(record).rstrip()


@contextmanager
def configure_logging(verbose: bool) -> Iterator[TextIO]:
    """Sets up logging for the process.

    Args:
        verbose: Whether to show every record from level INFO on, rather than warnings in one line.

    Yields:
        The stream for what libraries print: standard error when verbose, else the null device.
    """
    handler = logging.StreamHandler()
    if verbose:
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        yield sys.stderr
        return
    handler.setFormatter(_OneLineFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    with Path(os.devnull).open("w") as null_device:
        yield null_device
