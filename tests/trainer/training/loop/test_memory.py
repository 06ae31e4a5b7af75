"""GPU memory in the progress: what tensors took, what torch held, and what the driver counted."""

from __future__ import annotations

import json

from dpojob_trainer.training.loop.memory import GPUMemory
from dpojob_trainer.training.loop.progress import ProgressRecorder


def test_the_largest_of_each_figure_is_kept() -> None:
    recorder = ProgressRecorder()
    recorder.record_metrics({"loss": 0.7}, GPUMemory(9.0, 10.5, 12.25))
    recorder.record_metrics({"loss": 0.6}, GPUMemory(9.5, 11.0, 11.75))
    progress = json.loads(recorder.json())
    assert progress["peakMemoryGiB"] == 9.5
    assert progress["peakReservedGiB"] == 11.0
    assert progress["peakUsedGiB"] == 12.25


def test_without_a_gpu_there_are_no_figures() -> None:
    recorder = ProgressRecorder()
    recorder.record_metrics({"loss": 0.7}, None)
    assert not [name for name in json.loads(recorder.json()) if name.startswith("peak")]
