"""Measures cells one after another: `python -m bench.gpu.worker SCRATCH card|rehearsal FD CELL...`.

Each result is one JSON line on the file descriptor. `supervisor` starts this process.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from .cells import Context, Measure
from .measurements.facts import used_mib
from .registry import measurements

ERROR_CHARACTERS = 1500


def main(arguments: list[str]) -> None:
    """Measure the cells of the command line in their order."""
    scratch, mode, descriptor, *keys = arguments
    context = Context(rehearsal=mode == "rehearsal", scratch=Path(scratch))
    used_mib()
    _preload()
    by_key = {cell.key: measure for cell, measure in measurements(context.rehearsal).items()}
    with os.fdopen(int(descriptor), "w", encoding="utf-8") as results:
        for key in keys:
            print(json.dumps(measure_cell(by_key[key], context)), file=results, flush=True)


def _preload() -> None:
    """Import what most cells need, and keep it out of later garbage collections, which it would slow down."""
    try:
        import bitsandbytes  # noqa: F401

        import dpojob_trainer.training.loop.trainer  # noqa: F401
    except ImportError:
        traceback.print_exc()  # The cells that need it fail one by one.
    gc.freeze()


def measure_cell(measure: Measure, context: Context) -> dict[str, Any]:
    """The fields of a cell in the document: its result, or its error."""
    begun = time.monotonic()
    try:
        fields: dict[str, Any] = {"status": "ok", "result": measure(context)}
    except Exception as error:  # The next cell may work nevertheless.
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}"
        fields = {"status": "failed", "error": text[:ERROR_CHARACTERS]}
        _release_memory()
    return {**fields, "seconds": round(time.monotonic() - begun, 2)}


def _release_memory() -> None:
    from .models import MODELS

    MODELS.clear()
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(sys.argv[1:])
