"""The status being decided on: conditions, the end, and when to look again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dpojob_api.conditions import Condition, ConditionType, Reason
from dpojob_api.job import Attempt, Phase
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState

from .effective_spec import effective_spec
from .types import Action, Decision, Snapshot

REFUSED_SECONDS = 30.0
"""Until a refused creation is tried again: a quota may have room by then."""
LONGEST_MESSAGE = 8000
"""Characters of a condition's message; dozens of them must fit the object beside the plan."""


class StatusBuilder:
    """What the stages of a decision write into. Works on a copy; the observed status stays."""

    def __init__(
        self, snapshot: Snapshot, pools: Sequence[PoolState] | None, now: datetime
    ) -> None:
        self.snapshot = snapshot
        self.pools = pools
        self.now = now.replace(microsecond=0)
        self.job = snapshot.job
        self.policy = snapshot.policy
        self.status = snapshot.job.status.model_copy(deep=True)
        self.actions: list[Action] = []
        self.requeue_after: float | None = None
        self.wants_pools = False

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

    def set_phase(self, phase: Phase) -> None:
        """The summary for people."""
        self.status.phase = phase

    def set_condition(
        self, type_: ConditionType, status: bool | None, reason: str, message: str = ""
    ) -> None:
        """Sets a condition; `status` None is Unknown. Its time moves only when the status does."""
        value = "Unknown" if status is None else str(status)
        message = message[:LONGEST_MESSAGE]
        old = self.status.condition(type_)
        changed = old is None or old.status != value
        new = Condition(
            type=str(type_),
            status=value,
            reason=str(reason),
            message=message,
            observed_generation=self.job.generation,
            last_transition_time=self.now if changed or old is None else old.last_transition_time,
        )
        self.status.conditions = [c for c in self.status.conditions if c.type != type_]
        self.status.conditions.append(new)

    def requeue_within(self, seconds: float) -> None:
        """Look again after so long at the latest."""
        seconds = max(0.0, seconds)
        if self.requeue_after is None or seconds < self.requeue_after:
            self.requeue_after = seconds

    def request_creation(self, type_: ConditionType, *actions: Action) -> bool:
        """Makes children, unless that was refused in this very pass; whether it is tried.

        The refusal stands in the condition until a child was seen, so that repeated tries write
        nothing.
        """
        if self.snapshot.creation_rejection:
            self.set_condition(
                type_, False, Reason.CREATION_REFUSED, self.snapshot.creation_rejection
            )
            self.requeue_within(REFUSED_SECONDS)
            return False
        self.actions += actions
        old = self.status.condition(type_)
        return old is None or old.reason != Reason.CREATION_REFUSED

    def add_action(self, action: Action) -> None:
        """Carry this out once the status is written."""
        self.actions.append(action)

    def fail(self, reason: str, message: str) -> None:
        """The end, without a model."""
        self._end("Failed", ConditionType.FAILED, reason, message)

    def complete(self, reason: str, message: str) -> None:
        """The end, as wished."""
        self._end("Complete", ConditionType.COMPLETE, reason, message)

    def _end(self, phase: Phase, type_: ConditionType, reason: str, message: str) -> None:
        self.set_phase(phase)
        self.status.completion_time = self.now
        self.set_condition(type_, True, reason, message)
        self.set_condition(ConditionType.FINISHED, True, reason, message)
        if self.status.condition(ConditionType.TRAINING) is not None:
            self.set_condition(ConditionType.TRAINING, False, Reason.STOPPED)
        if self.status.is_true(ConditionType.SUSPENDED):
            self.set_condition(ConditionType.SUSPENDED, False, Reason.NOT_SUSPENDED)

    def build(self) -> Decision:
        """What was decided."""
        self.status.conditions.sort(key=lambda condition: _ORDER.index(condition.type))
        return Decision(self.status, tuple(self.actions), self.requeue_after, self.wants_pools)


_ORDER = [str(type_) for type_ in ConditionType]
