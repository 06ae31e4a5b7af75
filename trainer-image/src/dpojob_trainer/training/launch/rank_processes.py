"""The training processes of one node: started together and ended together.

One that fails leaves the others waiting for it in a collective, on a GPU until the collective's timeout. They
get SIGTERM at once, and SIGKILL after FAILURE_SECONDS; so do those of the other nodes.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dpojob_api.constants import ExitCode

from .node_link import NodeLink, PeerEnd

log = logging.getLogger(__name__)
FAILURE_SECONDS = 30.0
"""How long processes may go on after another one of their set has failed."""
STOP_SECONDS = 600.0
"""How long processes may save after a signal; the pod's own grace period ends them sooner."""
PEER_SECONDS = 5.0
"""How long a node whose processes lost another one waits to hear of an out-of-memory, which may be the cause."""
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class SetEnd:
    """How the processes of this node ended."""

    exit_statuses: Mapping[int, int]
    """Exit status by rank, of the processes that ended by themselves; negative for a signal."""
    lost_node: bool
    """Whether processes of another node failed or were lost."""
    out_of_memory: bool = False
    """Whether the set is to go on with a smaller batch, as the launchers of all its nodes know."""


class RankProcesses:
    """The processes of this node, by rank; each with variables of its own."""

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[int, Mapping[str, str]],
        link: NodeLink,
        needs_smaller_batch: Callable[[int], bool] = lambda _rank: False,
    ) -> None:
        """Start the processes.

        Args:
            command: What each runs.
            variables: Environment by rank.
            link: To the launchers of the other nodes.
            needs_smaller_batch: Whether a rank that failed lacked memory, and a smaller batch would help.
        """
        self._link = link
        self._needs_smaller_batch = needs_smaller_batch
        self._stopped = False
        self._running = {
            # In sessions of their own, so that Ctrl-C in a terminal reaches them only through `stop`.
            rank: subprocess.Popen(list(command), env=dict(values), start_new_session=True)
            for rank, values in variables.items()
        }
        self._deadline: float | None = None

    def stop(self) -> None:
        """Ask all processes to end with a checkpoint. May be called by a signal's handler."""
        self._stopped = True
        self._end_within(STOP_SECONDS)

    def wait(self) -> SetEnd:
        """Wait until all processes have ended, and end them where one of the set has failed."""
        statuses: dict[int, int] = {}
        killed = failed_here = lost_node = out_of_memory = False
        while self._running:
            for rank, status in self._ended().items():
                log.info("process %d ended with status %d", rank, status)
                if not killed:
                    statuses[rank] = status
                if status == ExitCode.INTERRUPTED:
                    self._end_within(STOP_SECONDS)
                elif status != ExitCode.OK:
                    needs = self._needs_smaller_batch(rank)
                    out_of_memory |= needs
                    failed_here = True
                    self._end_set(PeerEnd.OUT_OF_MEMORY if needs else PeerEnd.LOST)
            for end in self._link.ended_peers():
                if end == PeerEnd.STOPPED:
                    self._end_within(STOP_SECONDS)
                elif end != PeerEnd.DONE:
                    log.warning("processes of another node failed or were lost")
                    # The others end theirs, and say so, after a failure of this node.
                    lost_node |= not failed_here
                    out_of_memory |= end == PeerEnd.OUT_OF_MEMORY
                    self._end_set(end)
            if not killed and self._deadline is not None and time.monotonic() > self._deadline:
                killed = True
                for rank, process in self._running.items():
                    log.warning("process %d did not end in time and is killed", rank)
                    # With the processes that it started: each is the first one of a session.
                    os.killpg(process.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS if self._running else 0.0)
        stopped = ExitCode.INTERRUPTED in statuses.values()
        failed = killed or stopped or any(statuses.values())
        if failed and not (out_of_memory or self._stopped):
            out_of_memory = self._await_out_of_memory()
        if killed:
            self._link.close(PeerEnd.LOST)
        else:
            self._link.close(PeerEnd.STOPPED if stopped else PeerEnd.DONE)
        return SetEnd(statuses, lost_node, out_of_memory)

    def _await_out_of_memory(self) -> bool:
        """Wait for the ends of the other nodes: whether one of them lacked memory."""
        deadline = time.monotonic() + PEER_SECONDS
        while True:
            if PeerEnd.OUT_OF_MEMORY in self._link.ended_peers():
                self._link.announce(PeerEnd.OUT_OF_MEMORY)
                return True
            if time.monotonic() > deadline or not self._link.has_open_peers():
                return False
            time.sleep(POLL_SECONDS)

    def _ended(self) -> dict[int, int]:
        """Exit statuses of processes that have ended since the last call."""
        found = {
            rank: status
            for rank, process in self._running.items()
            if (status := process.poll()) is not None
        }
        for rank in found:
            del self._running[rank]
        return found

    def _end_set(self, end: PeerEnd) -> None:
        """A process of the set has failed: end this node's, and let the other nodes end theirs."""
        self._link.announce(end)
        self._end_within(FAILURE_SECONDS)

    def _end_within(self, seconds: float) -> None:
        """Send SIGTERM once, and let `wait` send SIGKILL after at most `seconds` from now."""
        end = time.monotonic() + seconds
        if self._deadline is None:
            for process in self._running.values():
                process.send_signal(signal.SIGTERM)
        self._deadline = end if self._deadline is None else min(end, self._deadline)
