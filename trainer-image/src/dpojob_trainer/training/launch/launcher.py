"""Several training processes: starts torchrun, passes signals on to it and combines the outcomes.

One process per GPU trains; this one waits. Each leaves its outcome in a file, and the outcome of this
node is made of them: a process that failed on its own account explains the end, one that only lost
another process does not.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.termination_message import encode
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import handle_termination_signals
from dpojob_trainer.training.setup.train_job import TrainJob

from . import rendezvous

log = logging.getLogger(__name__)
AGENT = "dpojob_trainer.training.launch.torchrun_agent"
"""Run as a module: torchrun has to be the main module of its process."""
SHUTDOWN_SECONDS = 600
"""How long torchrun lets its processes save; the pod's own grace period ends it sooner."""
KILLED, ABORTED = -signal.SIGKILL, -signal.SIGABRT
STOPPED = Outcome(outcome="Interrupted", reason=Reason.STOPPED, message="Stopped by a signal.")


def is_needed(plan: Plan, environment: ContainerEnvironment) -> bool:
    """Whether this process has to start others instead of training itself."""
    return plan.gpus > 1 and environment.rank is None


def write_rank_outcome(document: Mapping[str, Any], environment: ContainerEnvironment) -> None:
    """Leave the outcome of this process, which torchrun started, for the launcher."""
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
    exit_statuses = job.scratch / "exit-statuses.json"
    exit_statuses.unlink(missing_ok=True)
    step_before = checkpoints.latest_step(job.checkpoints)
    signals = _SignalForwarder()
    with signals.handled():
        try:
            rendezvous_arguments = _rendezvous_arguments(job, environment, signals)
        except Interrupted:
            return STOPPED
        command = [
            sys.executable, "-m", AGENT,
            "--nproc-per-node", str(job.plan.gpus // job.plan.nodes),
            "--max-restarts", "0",
            "--shutdown-timeout", str(SHUTDOWN_SECONDS),
            *rendezvous_arguments,
            "-m", "dpojob_trainer", "train",
        ]  # fmt: skip
        variables = environment.for_torchrun(outcomes, exit_statuses)
        status = signals.wait_for(subprocess.Popen(command, env=variables))
    return combine_outcomes(
        outcomes={int(path.stem): _read_outcome(path) for path in outcomes.glob("*.json")},
        exit_statuses=_read_exit_statuses(exit_statuses),
        torchrun_status=status,
        stop_requested=signals.stop_requested,
        has_new_checkpoint=checkpoints.latest_step(job.checkpoints) > step_before,
    )


def combine_outcomes(
    *,
    outcomes: Mapping[int, Outcome],
    exit_statuses: Mapping[int, int],
    torchrun_status: int,
    stop_requested: bool,
    has_new_checkpoint: bool,
) -> Outcome:
    """The outcome of this node, from its processes' outcomes and exit statuses by rank.

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
    if stopped is None and ABORTED in without_outcome:
        # NCCL ends a process with this signal when another process is gone.
        stopped = STOPPED.model_copy(
            update={"message": "A training process was aborted (signal 6); its log tells more."}
        )
    if stopped is not None:
        progress = stopped.progress
        if has_new_checkpoint or (progress.checkpoint_step or 0) > (progress.resumed_from or 0):
            return stopped
        return stopped.model_copy(update={"outcome": "Failed", "reason": Reason.TRAINING_FAILED})
    if torchrun_status == 0:
        return by_rank[0] if by_rank else Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    return Outcome(
        outcome="Failed",
        reason=Reason.TRAINING_FAILED,
        message=f"A training process ended without a word (torchrun: status {torchrun_status}, its "
        f"processes: {dict(exit_statuses) or 'none started'}); its log tells more.",
    )


def _rendezvous_arguments(
    job: TrainJob, environment: ContainerEnvironment, signals: _SignalForwarder
) -> list[str]:
    """torchrun's arguments by which the processes find each other."""
    plan = job.plan
    if plan.nodes == 1:
        return ["--standalone"]
    port, node_rank = environment.master_port, environment.node_rank
    if node_rank == 0:
        endpoint = rendezvous.host(port, plan.nodes, job.key, signals.is_stopped)
    else:
        address = environment.master_address
        endpoint = rendezvous.join(address, port, node_rank, job.key, signals.is_stopped)
    return [
        "--nnodes", str(plan.nodes),
        "--node-rank", str(node_rank),
        "--rdzv-id", endpoint.run_id,
        "--master-addr", endpoint.address,
        "--master-port", str(endpoint.port),
    ]  # fmt: skip


def _read_outcome(path: Path) -> Outcome:
    return Outcome.model_validate_json(path.read_bytes())


def _read_exit_statuses(path: Path) -> dict[int, int]:
    if not path.is_file():
        return {}
    return {int(rank): int(code) for rank, code in json.loads(path.read_text()).items()}


class _SignalForwarder:
    """Passes SIGTERM and Ctrl-C on to torchrun, also where they come before it has started."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._process: subprocess.Popen[bytes] | None = None

    def is_stopped(self) -> bool:
        return self.stop_requested

    def wait_for(self, process: subprocess.Popen[bytes]) -> int:
        self._process = process
        if self.stop_requested:
            process.send_signal(signal.SIGTERM)
        return process.wait()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    @contextmanager
    def handled(self) -> Iterator[None]:
        with handle_termination_signals(self._handle):
            yield
