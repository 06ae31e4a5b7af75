"""More than one process: torchrun, started, signalled and heard from here.

One process per GPU trains; this one waits. torchrun's own exit status says only that something
ended, so the first process leaves its outcome in a file and the status is read from there.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome

log = logging.getLogger(__name__)
ENV_RANK = "RANK"
"""Set by torchrun for its processes."""
ENV_NODE_RANK = "JOB_COMPLETION_INDEX"
"""Which node this is, from 0: the Indexed Job sets it."""
ENV_MASTER_ADDR = "MASTER_ADDR"
ENV_MASTER_PORT = "MASTER_PORT"
ENV_OUTCOME = "DPOJOB_OUTCOME_FILE"
"""Where the first process leaves its outcome for this one."""
SHUTDOWN_SECONDS = 600
"""torchrun lets its processes save for so long; the pod's own grace period ends it sooner."""


def wanted(plan: Plan, environ: Mapping[str, str]) -> bool:
    """Whether this process is to start others instead of training."""
    return plan.gpus > 1 and ENV_RANK not in environ


def launch(plan: Plan, environ: Mapping[str, str], scratch: Path) -> Outcome:
    """Run the same command in one process per GPU of this node; gives the outcome of the set."""
    scratch.mkdir(parents=True, exist_ok=True)
    told = scratch / "outcome.json"
    told.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "torch.distributed.run",
        "--nproc-per-node", str(plan.gpus // plan.nodes),
        "--max-restarts", "0",
        "--shutdown-timeout", str(SHUTDOWN_SECONDS),
        *_rendezvous(plan, environ),
        "-m", "dpojob_trainer", "train",
    ]  # fmt: skip
    process = subprocess.Popen(command, env={**environ, ENV_OUTCOME: str(told)})
    asked = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        process.send_signal(signal.SIGTERM)

    before = {n: signal.signal(n, pass_on) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if told.is_file():
        return Outcome.model_validate_json(told.read_bytes())
    return _silent(status, asked=bool(asked), node=int(environ.get(ENV_NODE_RANK, "0")))


def _rendezvous(plan: Plan, environ: Mapping[str, str]) -> list[str]:
    if plan.nodes == 1:
        return ["--standalone"]
    return [
        "--nnodes", str(plan.nodes),
        "--node-rank", environ.get(ENV_NODE_RANK, "0"),
        "--master-addr", environ[ENV_MASTER_ADDR],
        "--master-port", environ.get(ENV_MASTER_PORT, "29500"),
    ]  # fmt: skip


def _silent(status: int, *, asked: bool, node: int) -> Outcome:
    """No outcome was left: another node than the first, or a process that was killed."""
    if status == 0:
        return Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    if asked:
        return Outcome(outcome="Interrupted", reason=Reason.STOPPED, message="Stopped by a signal.")
    return Outcome(
        outcome="Failed",
        reason=Reason.TRAINING_FAILED,
        message=f"A training process of node {node} ended without a word (torchrun: status {status}); "
        "its log tells more. Killed by signal 9 means the container ran out of memory.",
    )
