"""Where a job's report and model are, by its phase."""

from __future__ import annotations

from typing import Any

import pytest

from dpojob.cluster.job_facts import manifest_of, model_place, report_place
from dpojob.errors import CommandError
from dpojob_api.job import DPOJob

SPEC = {
    "model": {"repo": "a/b"},
    "dataset": {"repo": "c/d"},
    "output": {"volume": {"claimName": "out"}},
}
COMPLETE = {"type": "Complete", "status": "True", "reason": "Completed"}


def job(**status: Any) -> DPOJob:
    return DPOJob.model_validate({"metadata": {"name": "x"}, "spec": SPEC, "status": status})


def test_a_model_is_on_its_claim_only_once_the_job_is_complete() -> None:
    place = {"claimName": "out", "path": "x", "report": "x/report.html"}
    done = job(phase="Complete", conditions=[COMPLETE], artifacts=place)
    assert model_place(done) == ("out", "x")
    assert report_place(done) == ("out", "x/report.html")
    for unfinished in (
        job(phase="Training", artifacts={"claimName": "out", "path": "x"}),
        job(
            phase="Complete",
            conditions=[{**COMPLETE, "reason": "Validated"}],
            artifacts={"claimName": "out"},
        ),
    ):
        with pytest.raises(CommandError, match="has no model on a claim"):
            model_place(unfinished)


def test_the_page_of_the_inspection_is_there_before_the_training_ends() -> None:
    inspected = job(phase="Training", dataset={"valid": True, "page": "x/inspection.html"})
    assert report_place(inspected) == ("out", "x/inspection.html")
    with pytest.raises(
        CommandError, match=r"its phase is Complete\); it was pushed: hf download org/model"
    ):
        report_place(job(phase="Complete", artifacts={"push": "org/model"}))


def test_a_manifest_has_what_was_set_and_no_status() -> None:
    assert manifest_of(job(phase="Training")) == {
        "apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "metadata": {"name": "x"}, "spec": SPEC,
    }  # fmt: skip
