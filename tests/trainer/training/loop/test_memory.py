"""GPU memory in the progress: what tensors took, what torch held, and what the driver counted."""

from __future__ import annotations

import json

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training import run
from dpojob_trainer.training.loop import callbacks
from dpojob_trainer.training.setup.progress import GPUMemory, ProgressRecorder


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


@pytest.mark.train
def test_the_outcome_and_both_documents_have_them(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "read_gpu_memory", lambda: GPUMemory(9.04, 10.5, 12.25))
    job = make_job()
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    progress = outcome.progress
    assert (progress.peak_memory_gib, progress.peak_used_gib) == (9.04, 12.25)
    for name in ("README.md", "report.html"):
        text = (job.output / name).read_text(encoding="utf-8")
        assert "9.0 GiB measured (10.5 GiB reserved by torch, 12.2 GiB used on the GPU)" in text
