"""The status under construction: one method per condition, the actions, and the time of the next pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.constants import Phase
from dpojob_api.evaluation import Evaluation
from dpojob_api.job import Attempt
from dpojob_api.progress import Health
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState

from .conditions import improved_by, next_condition, rejection_reason
from .effective_spec import effective_spec
from .timing import Timing
from .types import Action, Decision, PlanningRequest, PoolReservation, Snapshot, copy_status

CREATION_RETRY_SECONDS = 30.0
"""The pause until a rejected creation is tried again: a quota may have room by then."""
MAX_MESSAGE_LENGTH = 8000
"""Characters of a condition's message; dozens of them must fit the object beside the plan."""


class StatusBuilder:
    """Collects what the steps of a decision set.

    It works on a copy of the status, so the snapshot stays as it was read. Steps replace what is in the
    status, such as plan and progress; in place they change only what `copy_status` copies.
    """

    def __init__(
        self, snapshot: Snapshot, pools: Sequence[PoolState] | None, now: datetime
    ) -> None:
        """Start from the status of a snapshot.

        Args:
            snapshot: The job and the objects it depends on, as read.
            pools: The GPUPools as the planner sees them; None when they were not read.
            now: The time of the decision, in UTC; microseconds are cut off.
        """
        self.snapshot = snapshot
        self.pools = pools
        self.now = now.replace(microsecond=0)
        self.job = snapshot.job
        self.policy = snapshot.policy
        self.status = copy_status(snapshot.job.status)
        self.actions: list[Action] = []
        self.requeue_after: float | None = None
        self.planning_request: PlanningRequest | None = None
        self.reservation: PoolReservation | None = None
        self.timing = Timing(snapshot.first_seen, self.now)

    @property
    def spec(self) -> DPOJobSpec:
        """The spec with what other objects decide filled in."""
        return effective_spec(self.job.name, self.job.spec, self.status)

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt."""
        return self.status.attempts[-1] if self.status.attempts else None

    @property
    def finished(self) -> bool:
        """Whether a terminal condition is set."""
        return self.status.is_true(ConditionType.FINISHED)

    def grace_is_over(self, what: str, grace_seconds: float) -> bool:
        """Check whether something was seen for its whole grace time; request a pass for the end of it.

        Args:
            what: A key as in `Timing`.
            grace_seconds: How long it is waited for.

        Returns:
            Whether the wait is over; never when it is first seen.
        """
        seen = self.timing.seconds_since_first_seen(what)
        left = grace_seconds - (seen or 0.0)
        if seen is not None and left <= 0:
            return True
        self.requeue_within(left)
        return False

    def set_phase(self, phase: Phase) -> None:
        """Set `phase`, the summary for people.

        Args:
            phase: The new phase.
        """
        self.status.phase = phase

    def set_dataset_valid(self, status: bool | None, reason: str, message: str = "") -> None:
        """Set the condition DatasetValid.

        Args:
            status: Whether it holds; None is Unknown.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.DATASET_VALID, status, reason, message)

    def set_planned(self, status: bool, reason: str, message: str) -> None:
        """Set the condition Planned.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.PLANNED, status, reason, message)

    def set_training(self, status: bool, reason: str, message: str = "") -> None:
        """Set the condition Training.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.TRAINING, status, reason, message)

    def set_training_healthy(self, health: Health) -> None:
        """Set the condition TrainingHealthy as the trainer reports it.

        Args:
            health: The health in the progress of the newest attempt.
        """
        # The training pod is a user's: its reason may be any text, which the API server may reject.
        default = Reason.HEALTHY if health.healthy else Reason.UNHEALTHY
        reason = health.reason if health.reason in frozenset(Reason) else default
        self._set_condition(ConditionType.TRAINING_HEALTHY, health.healthy, reason, health.message)

    def set_improved(self, evaluation: Evaluation) -> None:
        """Set the condition Improved by the verdict of an evaluation.

        Args:
            evaluation: What the trainer reports; its verdict may be any text: the pod is a user's.
        """
        status, reason = improved_by(evaluation.verdict)
        self._set_condition(ConditionType.IMPROVED, status, reason, evaluation.message)

    def set_suspended(self, status: bool, reason: str, message: str = "") -> None:
        """Set the condition Suspended.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.SUSPENDED, status, reason, message)

    def set_queue_labels_applied(self, status: bool, reason: str, message: str) -> None:
        """Set the condition QueueLabelsApplied.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.QUEUE_LABELS_APPLIED, status, reason, message)

    def set_ready(self, status: bool, reason: str, message: str) -> None:
        """Set the condition Ready, which kstatus readers wait for.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.READY, status, reason, message)

    def set_stalled(self, status: bool, reason: str, message: str = "") -> None:
        """Set the condition Stalled, by which kstatus readers recognise a failure.

        Args:
            status: Whether it holds.
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._set_condition(ConditionType.STALLED, status, reason, message)

    def _set_condition(
        self, type_: ConditionType, status: bool | None, reason: str, message: str
    ) -> None:
        value = "Unknown" if status is None else str(status)
        new = next_condition(
            self.status.conditions,
            type_,
            value,
            reason,
            message[:MAX_MESSAGE_LENGTH],
            self.job.generation,
            self.now,
        )
        self.status.conditions = [c for c in self.status.conditions if c.type != type_]
        self.status.conditions.append(new)

    def requeue_within(self, seconds: float) -> None:
        """Request the next pass after this many seconds at the latest.

        Args:
            seconds: Seconds from now; a negative number counts as 0. The smallest request wins.
        """
        seconds = max(0.0, seconds)
        if self.requeue_after is None or seconds < self.requeue_after:
            self.requeue_after = seconds

    def add_action(self, action: Action) -> None:
        """Add an action that is executed once the status is written.

        Args:
            action: The action; actions are executed in the order in which they are added.
        """
        self.actions.append(action)

    def request_planning(self, claims: Sequence[str], *, earlier_pods: bool) -> None:
        """Abandon this decision, because it depends on pools that were not read.

        Args:
            claims: Names of the PersistentVolumeClaims that planning depends on.
            earlier_pods: Whether it depends on pods that a deleted DPOJob of the same name left.
        """
        self.planning_request = PlanningRequest(tuple(dict.fromkeys(claims)), earlier_pods)

    def request_creation(self, type_: ConditionType, *actions: Action) -> bool:
        """Create children, unless the API server rejected that in the same pass.

        The rejection stays in the condition until a child was seen, so that repeated attempts
        write nothing.

        Args:
            type_: The condition that reports a rejection, DatasetValid or Training.
            *actions: The creations.

        Returns:
            Whether the condition may be overwritten: the creation is tried, and none was rejected
            before.
        """
        rejection = self.snapshot.creation_rejection
        if rejection:
            self._set_condition(type_, False, rejection_reason(rejection), rejection)
            self.requeue_within(CREATION_RETRY_SECONDS)
            return False
        self.actions += actions
        old = self.status.condition(type_)
        return old is None or old.reason not in (Reason.CREATION_REFUSED, Reason.QUOTA_EXCEEDED)

    def fail(self, reason: str, message: str) -> None:
        """Finish the job without a model: conditions Failed and Finished.

        Args:
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._finish("Failed", ConditionType.FAILED, reason, message)

    def complete(self, reason: str, message: str) -> None:
        """Finish the job successfully: conditions Complete and Finished.

        Args:
            reason: The machine-readable reason.
            message: The sentence for people.
        """
        self._finish("Complete", ConditionType.COMPLETE, reason, message)

    def _finish(self, phase: Phase, type_: ConditionType, reason: str, message: str) -> None:
        self.set_phase(phase)
        self.status.completion_time = self.now
        self._set_condition(type_, True, reason, message)
        self._set_condition(ConditionType.FINISHED, True, reason, message)
        if self.status.condition(ConditionType.TRAINING) is not None:
            self.set_training(False, Reason.STOPPED)
        if self.status.is_true(ConditionType.SUSPENDED):
            self.set_suspended(False, Reason.NOT_SUSPENDED)

    def build(self) -> Decision:
        """Build the decision.

        Returns:
            The status with its conditions in the order of `ConditionType`, those of another version
            last; the actions; and the seconds until the next pass.
        """
        self.status.conditions.sort(key=lambda found: _ORDER.get(found.type, len(_ORDER)))
        return Decision(
            self.status,
            tuple(self.actions),
            self.requeue_after,
            self.reservation,
            frozenset(self.timing.timed),
        )


_ORDER = {str(type_): place for place, type_ in enumerate(ConditionType)}
