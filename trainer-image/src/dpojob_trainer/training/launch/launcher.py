"""Several training processes: starts them, passes signals on to them and combines the outcomes.

One process per GPU trains; this one waits. Each leaves its outcome in a file, and the outcome of this
node is made of them: a process that failed by itself explains the end, one that only lost
another process does not.
"""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.container_environment import ContainerEnvironment, RankPlace
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.setup.errors import LOST_PEER, STOPPED_BY_SIGNAL, Interrupted
from dpojob_trainer.training.setup.signals import handle_termination_signals
from dpojob_trainer.training.setup.train_job import TrainJob

from . import rendezvous
from .node_link import NodeLink
from .rank_processes import RankProcesses, SetEnd
from .smaller_plan import describe_smaller_batch, halve_batch, smaller_batch_helps

log = logging.getLogger(__name__)
RANK_COMMAND = (sys.executable, "-u", "-m", "dpojob_trainer", "train")
"""What each process runs: the container's command."""
KILLED, ABORTED = -signal.SIGKILL, -signal.SIGABRT
STOPPED = Outcome(outcome="Interrupted", reason=Reason.STOPPED, message="Stopped by a signal.")


def is_needed(plan: Plan, environment: ContainerEnvironment) -> bool:
    """Whether this process has to start others instead of training itself."""
    return plan.gpus > 1 and environment.rank is None


def launch(job: TrainJob, environment: ContainerEnvironment) -> Outcome:
    """Run the container's command in one process per GPU of this node and combine the outcomes.

    After the first out-of-memory of any process of the set, all start once more with half the batch per GPU.

    Raises TrainingError when the other nodes do not join in time.
    """
    outcomes = job.scratch / "outcomes"
    step_before = checkpoints.latest_step(job.checkpoints)
    signals = _SignalForwarder()
    # To the end of the process: a signal between the outcome and its message would else end it without one.
    handle_termination_signals(signals.handle)
    try:
        end = _run_set(job, environment, signals, outcomes)
        if end.out_of_memory:
            if signals.stop_requested:
                return STOPPED
            notice = _notice(job, outcomes)
            log.warning("%s", notice)
            end = _run_set(job, environment, signals, outcomes, notice)
    except Interrupted:
        return STOPPED
    return combine_outcomes(
        outcomes=_read_outcomes(outcomes),
        exit_statuses=end.exit_statuses,
        lost_node=end.lost_node,
        stop_requested=signals.stop_requested,
        has_new_checkpoint=checkpoints.latest_step(job.checkpoints) > step_before,
    )


def _run_set(
    job: TrainJob,
    environment: ContainerEnvironment,
    signals: _SignalForwarder,
    outcomes: Path,
    notice: str | None = None,
) -> SetEnd:
    """Start this node's processes when the other nodes are there too, and wait for their end.

    Args:
        job: The job, with its plan.
        environment: Of this container.
        signals: Passes signals on to the processes.
        outcomes: The directory in which they leave their outcomes; it is emptied first.
        notice: Why the set trains with half of the planned batch per GPU; None where it follows the plan.
    """
    shutil.rmtree(outcomes, ignore_errors=True)
    outcomes.mkdir(parents=True)

    def needs_smaller_batch(rank: int) -> bool:
        if notice is not None or halve_batch(job.plan) is None:
            return False
        outcome = _read_outcomes(outcomes).get(rank)
        return outcome is not None and smaller_batch_helps(outcome.reason, outcome.progress.stage)

    # A node that trains by the plan must not meet one that does not.
    key = job.key if notice is None else f"{job.key}-smaller-batch"
    met = _rendezvous(job, environment, signals, key)
    variables = _variables(job, environment, met, outcomes, notice)
    return signals.wait_for(RankProcesses(RANK_COMMAND, variables, met.link, needs_smaller_batch))


def _notice(job: TrainJob, outcomes: Path) -> str:
    """What happened, and how the set goes on."""
    smaller = halve_batch(job.plan)
    if smaller is None:
        raise RuntimeError("a set with one pair per GPU was to go on with less")
    steps = [
        outcome.progress.step
        for outcome in _read_outcomes(outcomes).values()
        if outcome.reason == Reason.OUT_OF_MEMORY
    ]
    checkpoint_step, _ = checkpoints.expected_resume(job.checkpoints, job.key)
    return describe_smaller_batch(
        job.plan, smaller, max(steps, default=None), checkpoint_step or None
    )


def combine_outcomes(
    *,
    outcomes: Mapping[int, Outcome],
    exit_statuses: Mapping[int, int],
    lost_node: bool,
    stop_requested: bool,
    has_new_checkpoint: bool,
) -> Outcome:
    """The outcome of this node, from its processes' outcomes and exit statuses by rank.

    A process that the launcher killed has no exit status here.

    Only with `has_new_checkpoint` is a set that lost a process started anew free of charge; without
    it, the set might be started for ever and make no progress.
    """
    by_rank = [outcomes[rank] for rank in sorted(outcomes)]
    without_outcome = {code for rank, code in exit_statuses.items() if rank not in outcomes}
    failed = next((outcome for outcome in by_rank if outcome.outcome == "Failed"), None)
    if failed is not None:
        return failed
    if KILLED in without_outcome and not stop_requested:
        return Outcome(
            outcome="Failed",
            reason=Reason.OUT_OF_MEMORY,
            message="A training process was killed (signal 9), as happens when the container runs out "
            "of main memory (not GPU memory); raise the installation's limit for training pods (chart "
            "value train.resources), or train with fewer GPUs per node.",
        )
    stopped = next((outcome for outcome in by_rank if outcome.outcome == "Interrupted"), None)
    if stop_requested:
        return stopped or STOPPED
    if stopped is not None and (lost_node or _has_crashed(exit_statuses)):
        # The signal was this launcher's own, to end the set.
        message = stopped.message.replace(STOPPED_BY_SIGNAL, LOST_PEER, 1)
        stopped = stopped.model_copy(update={"message": message})
    if stopped is None and ABORTED in without_outcome:
        # NCCL ends a process with this signal when another process is gone.
        stopped = STOPPED.model_copy(
            update={"message": "A training process was aborted (signal 6); its log tells more."}
        )
    elif stopped is None and lost_node:
        stopped = STOPPED.model_copy(
            update={
                "message": "Another node of the set was lost, and this one's processes waited for it."
            }
        )
    if stopped is not None:
        progress = stopped.progress
        if has_new_checkpoint or (progress.checkpoint_step or 0) > (progress.resumed_from or 0):
            return stopped
        return stopped.model_copy(update={"outcome": "Failed", "reason": Reason.TRAINING_FAILED})
    if not any(exit_statuses.values()):
        return by_rank[0] if by_rank else Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    return Outcome(
        outcome="Failed",
        reason=Reason.TRAINING_FAILED,
        message="A training process ended without an outcome (exit statuses by rank: "
        f"{dict(exit_statuses)}); its log tells more.",
    )


def _has_crashed(exit_statuses: Mapping[int, int]) -> bool:
    """Whether a process ended otherwise than after its work or after a stop."""
    return any(
        status not in (ExitCode.OK, ExitCode.INTERRUPTED) for status in exit_statuses.values()
    )


def _rendezvous(
    job: TrainJob, environment: ContainerEnvironment, signals: _SignalForwarder, key: str
) -> rendezvous.Rendezvous:
    """Where this node's processes find the others, once all nodes are there."""
    nodes = job.plan.nodes
    if nodes == 1:
        return rendezvous.Rendezvous("", "127.0.0.1", rendezvous.free_port(), NodeLink())
    port, node_rank = environment.master_port, environment.node_rank
    if node_rank == 0:
        return rendezvous.host(port, nodes, key, signals.is_stopped)
    address = environment.master_address
    return rendezvous.join(address, port, node_rank, key, signals.is_stopped)


def _variables(
    job: TrainJob,
    environment: ContainerEnvironment,
    met: rendezvous.Rendezvous,
    outcomes: Path,
    notice: str | None,
) -> dict[int, dict[str, str]]:
    """The variables of this node's processes, by rank."""
    local = job.plan.gpus // job.plan.nodes
    places = [
        RankPlace(environment.node_rank * local + number, number, job.plan.gpus, local)
        for number in range(local)
    ]
    return {
        place.rank: environment.for_rank(place, met.address, met.port, outcomes, notice)
        for place in places
    }


def _read_outcomes(directory: Path) -> dict[int, Outcome]:
    """The outcomes that processes have left, by rank."""
    return {
        int(path.stem): Outcome.model_validate_json(path.read_bytes())
        for path in directory.glob("*.json")
    }


class _SignalForwarder:
    """Passes SIGTERM and Ctrl-C on to the processes, also where they come before those have started."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._processes: RankProcesses | None = None

    def is_stopped(self) -> bool:
        return self.stop_requested

    def wait_for(self, processes: RankProcesses) -> SetEnd:
        self._processes = processes
        if self.stop_requested:
            processes.stop()
        return processes.wait()

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True
        if self._processes is not None:
            self._processes.stop()
