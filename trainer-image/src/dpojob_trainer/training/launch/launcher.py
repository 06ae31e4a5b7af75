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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.container_environment import ContainerEnvironment, RankPlace
from dpojob_trainer.shared.termination_message import encode
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.setup.errors import LOST_PEER, STOPPED_BY_SIGNAL, Interrupted
from dpojob_trainer.training.setup.signals import handle_termination_signals
from dpojob_trainer.training.setup.train_job import TrainJob

from . import rendezvous
from .node_link import NodeLink
from .rank_processes import RankProcesses, SetEnd

log = logging.getLogger(__name__)
RANK_COMMAND = (sys.executable, "-u", "-m", "dpojob_trainer", "train")
"""What each process runs: the container's command."""
KILLED, ABORTED = -signal.SIGKILL, -signal.SIGABRT
STOPPED = Outcome(outcome="Interrupted", reason=Reason.STOPPED, message="Stopped by a signal.")


def is_needed(plan: Plan, environment: ContainerEnvironment) -> bool:
    """Whether this process has to start others instead of training itself."""
    return plan.gpus > 1 and environment.rank is None


def write_rank_outcome(document: Mapping[str, Any], environment: ContainerEnvironment) -> None:
    """Leave the outcome of this process for the launcher that started it."""
    directory = environment.outcomes_directory
    if directory is not None:
        (directory / f"{environment.rank}.json").write_bytes(encode(document))


def launch(job: TrainJob, environment: ContainerEnvironment) -> Outcome:
    """Run the container's command in one process per GPU of this node and combine the outcomes.

    Raises TrainingError when the other nodes do not join in time.
    """
    outcomes = job.scratch / "outcomes"
    shutil.rmtree(outcomes, ignore_errors=True)
    outcomes.mkdir(parents=True)
    step_before = checkpoints.latest_step(job.checkpoints)
    signals = _SignalForwarder()
    with signals.handled():
        try:
            met = _rendezvous(job, environment, signals)
        except Interrupted:
            return STOPPED
        end = signals.wait_for(
            RankProcesses(RANK_COMMAND, _variables(job, environment, met, outcomes), met.link)
        )
    return combine_outcomes(
        outcomes={int(path.stem): _read_outcome(path) for path in outcomes.glob("*.json")},
        exit_statuses=end.exit_statuses,
        lost_node=end.lost_node,
        stop_requested=signals.stop_requested,
        has_new_checkpoint=checkpoints.latest_step(job.checkpoints) > step_before,
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
        message="A training process ended without a word (exit statuses by rank: "
        f"{dict(exit_statuses)}); its log tells more.",
    )


def _has_crashed(exit_statuses: Mapping[int, int]) -> bool:
    """Whether a process ended otherwise than after its work or after a stop."""
    return any(
        status not in (ExitCode.OK, ExitCode.INTERRUPTED) for status in exit_statuses.values()
    )


def _rendezvous(
    job: TrainJob, environment: ContainerEnvironment, signals: _SignalForwarder
) -> rendezvous.Rendezvous:
    """Where this node's processes find the others, once all nodes are there."""
    nodes = job.plan.nodes
    if nodes == 1:
        return rendezvous.Rendezvous("", "127.0.0.1", rendezvous.free_port(), NodeLink())
    port, node_rank = environment.master_port, environment.node_rank
    if node_rank == 0:
        return rendezvous.host(port, nodes, job.key, signals.is_stopped)
    address = environment.master_address
    return rendezvous.join(address, port, node_rank, job.key, signals.is_stopped)


def _variables(
    job: TrainJob, environment: ContainerEnvironment, met: rendezvous.Rendezvous, outcomes: Path
) -> dict[int, dict[str, str]]:
    """The variables of this node's processes, by rank."""
    local = job.plan.gpus // job.plan.nodes
    places = [
        RankPlace(environment.node_rank * local + number, number, job.plan.gpus, local)
        for number in range(local)
    ]
    return {
        place.rank: environment.for_rank(place, met.address, met.port, outcomes) for place in places
    }


def _read_outcome(path: Path) -> Outcome:
    return Outcome.model_validate_json(path.read_bytes())


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

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True
        if self._processes is not None:
            self._processes.stop()

    @contextmanager
    def handled(self) -> Iterator[None]:
        with handle_termination_signals(self._handle):
            yield
