"""What a status write changed, as metrics: counted after the write, since a lost write changed nothing."""

from __future__ import annotations

from decimal import Decimal

from dpojob_api.conditions import ConditionType
from dpojob_api.job import Attempt, DPOJob, DPOJobStatus
from dpojob_operator.decide import Snapshot, cost
from dpojob_operator.kube import Key
from dpojob_operator.process import metrics

DECIDED_STATUSES = ("True", "False")


def count_changes(snapshot: Snapshot, new: DPOJobStatus, currency: str) -> None:
    """Counts what `new`, which was just written, has beside the status of the snapshot."""
    job, old = snapshot.job, snapshot.job.status
    _count_inspection(snapshot, new)
    _count_attempts(job, new, currency)
    if old.queue is not None and old.queue.since is not None and new.queue is not None:
        waited = new.queue.wait_seconds - old.queue.wait_seconds
        if new.queue.since is None:
            metrics.QUEUE_WAIT_SECONDS.labels(new.queue.pool or "").observe(waited)
    healthy, before = (s.condition(ConditionType.TRAINING_HEALTHY) for s in (new, old))
    objection = None if before is None or before.status == "True" else before.reason
    if healthy is not None and healthy.status == "False" and healthy.reason != objection:
        metrics.UNHEALTHY.labels(metrics.known_reason(healthy.reason)).inc()
    if not old.is_true(ConditionType.FINISHED):
        _count_end(new)


def update_budget(key: Key, job: DPOJob, status: DPOJobStatus) -> None:
    """Sets the share of the budget that a running job has used."""
    used = cost.budget_used(job.spec.budget, status.attempts)
    if used is not None:
        metrics.RUNNING.budget_used[key] = used


def _count_inspection(snapshot: Snapshot, new: DPOJobStatus) -> None:
    validity, before = (
        status.condition(ConditionType.DATASET_VALID) for status in (new, snapshot.job.status)
    )
    if validity is None or validity.status not in DECIDED_STATUSES:
        return
    if before is not None and before.status in DECIDED_STATUSES:
        return
    metrics.INSPECTIONS.labels(metrics.known_reason(validity.reason)).inc()
    for code, severity in {
        (p.code, p.severity) for p in (new.dataset.problems if new.dataset else ())
    }:
        metrics.PROBLEMS.labels(str(code), str(severity)).inc()
    for pod in snapshot.inspection_pods:
        if pod.started is not None and pod.finished is not None and pod.exit_code is not None:
            took = (pod.finished - pod.started).total_seconds()
            metrics.INSPECTION_SECONDS.observe(max(0.0, took))


def _count_attempts(job: DPOJob, new: DPOJobStatus, currency: str) -> None:
    known = {attempt.number: attempt for attempt in job.status.attempts}
    for attempt in new.attempts:
        old = known.get(attempt.number, Attempt(number=attempt.number, job=attempt.job))
        pool, seconds = attempt.pool or "", max(0.0, attempt.gpu_seconds - old.gpu_seconds)
        price = Decimal(str(seconds)) * attempt.hourly_price / cost.HOUR
        # An attempt without GPU time yet makes its series too, at 0: `increase` and `rate` do not count the
        # value with which a series begins.
        metrics.GPU_SECONDS.labels(job.namespace, pool).inc(seconds)
        metrics.COST.labels(job.namespace, pool, currency).inc(float(price))
        if attempt.end_time is not None and old.end_time is None:
            metrics.ATTEMPTS.labels(pool, attempt.outcome or "").inc()


def _count_end(new: DPOJobStatus) -> None:
    for type_ in (ConditionType.COMPLETE, ConditionType.FAILED):
        condition = new.condition(type_)
        if condition is not None and condition.status == "True":
            reason = metrics.known_reason(condition.reason)
            metrics.FINISHED.labels(str(type_), reason).inc()
    improved, evaluation = new.condition(ConditionType.IMPROVED), new.evaluation
    if improved is not None and evaluation is not None:
        metrics.EVALUATIONS.labels(improved.status, metrics.known_reason(improved.reason)).inc()
        if evaluation.win_rate is not None and evaluation.win_rate.value is not None:
            metrics.WIN_RATE.observe(evaluation.win_rate.value)
        if evaluation.judge_usage is not None:
            metrics.JUDGE_TOKENS.labels("input").inc(evaluation.judge_usage.input_tokens)
            metrics.JUDGE_TOKENS.labels("output").inc(evaluation.judge_usage.output_tokens)
