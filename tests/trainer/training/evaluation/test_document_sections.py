"""What evaluation writes into the documents beside a finished model."""

from __future__ import annotations

from huggingface_hub import ModelCard
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.constants import FILE_MODEL_CARD
from dpojob_api.evaluation import Evaluation, Interval, TaskResult, TaskScore
from dpojob_trainer.training.evaluation.document_sections import write_sections

CARD = """---
library_name: transformers
tags: [dpo]
---
# A model
<!-- evaluation --><!-- /evaluation -->
Below.
"""
RATE = Interval(value=0.6, low=0.5, high=0.7, n=100)


def test_documents_that_a_user_deleted_are_not_missed(make_job: MakeJob) -> None:
    job = make_job()
    job.output.mkdir(parents=True, exist_ok=True)
    write_sections(job, Evaluation(judge="rules", win_rate=RATE), [])
    assert list(job.output.iterdir()) == []


def test_the_hubs_library_reads_the_results_in_the_card(make_job: MakeJob) -> None:
    job = make_job()
    job.output.mkdir(parents=True, exist_ok=True)
    path = job.output / FILE_MODEL_CARD
    path.write_text(CARD)
    task = TaskResult(
        name="ifeval", metric="acc,none", before=TaskScore(value=0.4), after=TaskScore(value=0.3),
        difference=RATE, limit=50,
    )  # fmt: skip
    failed = TaskResult(name="away", error="no such dataset")
    write_sections(job, Evaluation(judge="rules", win_rate=RATE, tasks=[task, failed]), [])
    card = ModelCard.load(path)
    assert card.data.model_name == job.name and card.data.tags == ["dpo"]
    found = {
        (r.dataset_name, r.metric_type, r.metric_name, r.metric_value)
        for r in card.data.eval_results or []
    }
    assert found == {
        ("held-out prompts", "win_rate", "win rate against the model before, by rules", 0.6),
        ("ifeval", "acc", "acc,none, of the first 50 samples", 0.3),
    }
    assert card.text.strip().startswith("# A model") and card.text.strip().endswith("Below.")
