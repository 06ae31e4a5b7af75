"""What evaluation writes into the documents beside a finished model."""

from __future__ import annotations

from tests.trainer.training.conftest import MakeJob

from dpojob_api.evaluation import Evaluation, Interval
from dpojob_trainer.training.evaluation.document_sections import write_sections


def test_documents_that_a_user_deleted_are_not_missed(make_job: MakeJob) -> None:
    job = make_job()
    job.output.mkdir(parents=True, exist_ok=True)
    rate = Interval(value=0.6, low=0.5, high=0.7, n=100)
    write_sections(job, Evaluation(judge="rules", win_rate=rate), [])
    assert list(job.output.iterdir()) == []
