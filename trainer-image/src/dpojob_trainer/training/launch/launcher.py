"""More than one process: torchrun, started, signalled and heard from here.

One process per GPU trains; this one waits. Each leaves its outcome in a file, and the last word of
this node is made of them: whoever failed by itself explains the end, and one that only lost another
process does not.
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

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import ending_signals
from dpojob_trainer.training.setup.train_job import TrainJob

from . import outcome_truncation, rendezvous

log = logging.getLogger(__name__)
ENV_RANK = "RANK"
"""Set by torchrun for its processes."""
ENV_NODE_RANK = "JOB_COMPLETION_INDEX"
"""Which node this is, from 0: the Indexed Job sets it."""
ENV_MASTER_ADDR = "MASTER_ADDR"
"""The first node's name."""
ENV_MASTER_PORT = "MASTER_PORT"
"""Where the nodes meet on the first one."""
ENV_OUTCOMES = "DPOJOB_OUTCOMES"
"""The directory where each process of this node leaves its outcome for this one."""
ENV_ENDINGS = "DPOJOB_ENDINGS_FILE"
"""Where torchrun leaves the exit statuses of failed processes; agent.py writes it."""
SHUTDOWN_SECONDS = 600
"""torchrun lets its processes save for so long; the pod's own grace period ends it sooner."""
KILLED, ABORTED = -signal.SIGKILL, -signal.SIGABRT
STOPPED = Outcome(outcome="Interrupted", reason=Reason.STOPPED, message="Stopped by a signal.")


def wanted(plan: Plan, environ: Mapping[str, str]) -> bool:
    """Whether this process is to start others instead of training."""
    return plan.gpus > 1 and ENV_RANK not in environ


def node(environ: Mapping[str, str]) -> int:
    """Which node of the set this is, from 0."""
    return int(environ.get(ENV_NODE_RANK, "0"))


def leave(outcome: Outcome, environ: Mapping[str, str]) -> None:
    """In a process that torchrun started: tell the one that started torchrun."""
    directory = environ.get(ENV_OUTCOMES)
    if directory:
        Path(directory, f"{environ[ENV_RANK]}.json").write_bytes(outcome_truncation.fit(outcome))


def launch(job: TrainJob, environ: Mapping[str, str]) -> Outcome:
    """Run the same command in one process per GPU of this node; gives what this node has to say.

    Raises Failure when the other nodes do not come.
    """
    left = job.scratch / "outcomes"
    shutil.rmtree(left, ignore_errors=True)
    left.mkdir(parents=True)
    endings = job.scratch / "endings.json"
    endings.unlink(missing_ok=True)
    before = checkpoints.furthest(job.checkpoints)
    signals = _Signals()
    with signals.handled():
        try:
            place = _place(job, environ, signals)
        except Interrupted:
            return STOPPED
        command = [
            sys.executable, "-m", "dpojob_trainer.training.launch.torchrun_agent",
            "--nproc-per-node", str(job.plan.gpus // job.plan.nodes),
            "--max-restarts", "0",
            "--shutdown-timeout", str(SHUTDOWN_SECONDS),
            *place,
            "-m", "dpojob_trainer", "train",
        ]  # fmt: skip
        told = {ENV_OUTCOMES: str(left), ENV_ENDINGS: str(endings)}
        status = signals.follow(subprocess.Popen(command, env={**environ, **told}))
    return verdict(
        outcomes={int(path.stem): _read(path) for path in left.glob("*.json")},
        endings=_endings(endings),
        status=status,
        asked=signals.asked,
        saved=checkpoints.furthest(job.checkpoints) > before,
    )


def verdict(
    *,
    outcomes: Mapping[int, Outcome],
    endings: Mapping[int, int],
    status: int,
    asked: bool,
    saved: bool,
) -> Outcome:
    """What this node says, from its processes' outcomes and exit statuses by rank.

    `saved`: there is a newer checkpoint than before. Only then is a set that lost a process started
    anew free of charge; otherwise it might be started for ever without getting anywhere.
    """
    told = [outcomes[rank] for rank in sorted(outcomes)]
    silent = {code for rank, code in endings.items() if rank not in outcomes}
    failed = next((outcome for outcome in told if outcome.outcome == "Failed"), None)
    if failed is not None:
        return failed
    if KILLED in silent and not asked:
        return Outcome(
            outcome="Failed",
            reason=Reason.OUT_OF_MEMORY,
            message="A training process was killed (signal 9), as happens when the container runs out "
            "of main memory (not GPU memory); raise the installation's limit for training pods (chart "
            "value train.resources), or train with fewer GPUs per node.",
        )
    stopped = next((outcome for outcome in told if outcome.outcome == "Interrupted"), None)
    if asked:
        return stopped or STOPPED
    if stopped is None and ABORTED in silent:
        # NCCL ends a process this way when another one is gone.
        stopped = STOPPED.model_copy(
            update={"message": "A training process was aborted (signal 6); its log tells more."}
        )
    if stopped is not None:
        progress = stopped.progress
        if saved or (progress.checkpoint_step or 0) > (progress.resumed_from or 0):
            return stopped
        return stopped.model_copy(update={"outcome": "Failed", "reason": Reason.TRAINING_FAILED})
    if status == 0:
        return told[0] if told else Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    return Outcome(
        outcome="Failed",
        reason=Reason.TRAINING_FAILED,
        message=f"A training process ended without a word (torchrun: status {status}, its processes: "
        f"{dict(endings) or 'none started'}); its log tells more.",
    )


def _place(job: TrainJob, environ: Mapping[str, str], signals: _Signals) -> list[str]:
    """torchrun's arguments by which the processes find each other."""
    plan = job.plan
    if plan.nodes == 1:
        return ["--standalone"]
    port, here = int(environ[ENV_MASTER_PORT]), node(environ)
    if here == 0:
        meeting = rendezvous.gather(port, plan.nodes, job.key, signals.stopped)
    else:
        first = environ[ENV_MASTER_ADDR]
        meeting = rendezvous.enter(first, port, here, job.key, signals.stopped)
    return [
        "--nnodes", str(plan.nodes),
        "--node-rank", str(here),
        "--rdzv-id", meeting.run,
        "--master-addr", meeting.address,
        "--master-port", str(meeting.port),
    ]  # fmt: skip


def _read(path: Path) -> Outcome:
    return Outcome.model_validate_json(path.read_bytes())


def _endings(path: Path) -> dict[int, int]:
    if not path.is_file():
        return {}
    return {int(rank): int(code) for rank, code in json.loads(path.read_text()).items()}


class _Signals:
    """Passes SIGTERM and Ctrl-C on to torchrun, whenever it comes."""

    def __init__(self) -> None:
        self.asked = False
        self._process: subprocess.Popen[bytes] | None = None

    def stopped(self) -> bool:
        return self.asked

    def follow(self, process: subprocess.Popen[bytes]) -> int:
        self._process = process
        if self.asked:
            process.send_signal(signal.SIGTERM)
        return process.wait()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    @contextmanager
    def handled(self) -> Iterator[None]:
        with ending_signals(self._handle):
            yield
