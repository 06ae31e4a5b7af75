"""The accepted rows as training has them: written by its own writer, and read back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec


def loaded(root: Path, spec: DPOJobSpec, report: InspectionReport, split: str = "train") -> Any:
    """What `training.data.load` gives the trainer."""
    from dpojob_trainer.training.loop import data

    job: Any = SimpleNamespace(
        key="rows", spec=spec, report=report, volumes={"data": root}, token=None
    )
    return data.load(job, split, Path(tempfile.mkdtemp(dir=root)))
