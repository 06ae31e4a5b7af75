"""Metrics of DPOJobs that have ended."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJobStatus
from dpojob_operator.process.metrics import EVALUATIONS, FINISHED, JUDGE_TOKENS, WIN_RATE


def count_end(old: DPOJobStatus, new: DPOJobStatus) -> None:
    """Terminal metrics, after the write: a lost write is not an end."""
    if old.is_true(ConditionType.FINISHED):
        return
    for type_ in (ConditionType.COMPLETE, ConditionType.FAILED):
        condition = new.condition(type_)
        if condition is not None and condition.status == "True":
            FINISHED.labels(str(type_), condition.reason).inc()
    improved, evaluation = new.condition(ConditionType.IMPROVED), new.evaluation
    if improved is not None and evaluation is not None:
        EVALUATIONS.labels(improved.status, improved.reason).inc()
        if evaluation.win_rate is not None and evaluation.win_rate.value is not None:
            WIN_RATE.observe(evaluation.win_rate.value)
        if evaluation.judge_usage is not None:
            JUDGE_TOKENS.labels("input").inc(evaluation.judge_usage.input_tokens)
            JUDGE_TOKENS.labels("output").inc(evaluation.judge_usage.output_tokens)
