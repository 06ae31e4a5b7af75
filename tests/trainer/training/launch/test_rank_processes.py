"""The processes of a set end together: one that fails does not leave the others waiting for it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.kit.ports import free_port
from tests.kit.waiting import TRAINING_LIMIT, wait_until

from dpojob_trainer.training.launch import rank_processes, rendezvous
from dpojob_trainer.training.launch.node_link import NodeLink, PeerEnd
from dpojob_trainer.training.launch.rank_processes import RankProcesses, SetEnd

COLLECTIVE = """
import contextlib, os, signal, threading
from pathlib import Path
import torch

# As the trainer: a handler that Python runs between two of its own instructions, and not inside a collective.
signal.signal(signal.SIGTERM, lambda *_: None)
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
others = torch.distributed.new_group([0, 1, 3])
Path(os.environ["READY"], str(rank)).write_text(str(os.getpid()))
if rank in (0, 3):
    # As on a GPU, waits for a process that never comes and notices nothing of one that is gone. gloo notices
    # rank 0 or 3, whichever is killed first.
    with contextlib.suppress(RuntimeError):
        torch.distributed.all_reduce(torch.zeros(1), group=others)
while True:
    threading.Event().wait()
"""
"""Ranks 0 and 3 wait in a collective for rank 1, rank 2 is there to be killed; no signal but SIGKILL ends any."""


def processes(
    program: str,
    ranks: Mapping[int, Mapping[str, str]],
    link: NodeLink | None = None,
    out_of_memory: int | None = None,
) -> RankProcesses:
    """`out_of_memory`: the rank whose failure a smaller batch would help."""
    variables = {rank: {**os.environ, "RANK": str(rank), **more} for rank, more in ranks.items()}
    command = [sys.executable, "-c", program]
    return RankProcesses(command, variables, link or NodeLink(), lambda rank: rank == out_of_memory)


def pair() -> tuple[NodeLink, NodeLink]:
    """The links of two nodes that have met."""
    port = free_port()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(rendezvous.host, port, 2, "k", lambda: False)
        other = pool.submit(rendezvous.join, "localhost", port, 1, "k", lambda: False)
        return first.result().link, other.result().link


def process_ids(directory: Path) -> dict[int, int]:
    """Those that the processes have written so far, by rank."""
    written = {int(path.name): path.read_text() for path in directory.iterdir()}
    return {rank: int(text) for rank, text in written.items() if text}


def test_a_killed_process_ends_those_that_wait_in_a_collective_on_every_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_processes, "FAILURE_SECONDS", 1.0)
    common = {
        "WORLD_SIZE": "4", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1", "READY": str(tmp_path),
    }  # fmt: skip
    first, other = pair()
    nodes = [
        processes(COLLECTIVE, {0: common, 1: common}, first),
        processes(COLLECTIVE, {2: common, 3: common}, other),
    ]
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(node.wait) for node in nodes]
        try:
            # A file is empty between its creation and the write.
            wait_until(
                lambda: len(process_ids(tmp_path)) == 4, "all processes have met", TRAINING_LIMIT
            )
            os.kill(process_ids(tmp_path)[2], signal.SIGKILL)
            found = [end.result(timeout=TRAINING_LIMIT) for end in ends]
        finally:
            for process_id in process_ids(tmp_path).values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
    assert found == [SetEnd({}, lost_node=True), SetEnd({2: -9}, lost_node=False)]


WAITING = """
import os, signal, sys, time
from pathlib import Path
# Blocked, so that it stays pending where it comes before the wait for it.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
ready = Path(os.environ["READY"])
if os.environ["RANK"] == "1":
    while not ready.exists():
        time.sleep(0.05)
    sys.exit({status})
ready.touch()
signal.sigwait([signal.SIGTERM])
time.sleep({seconds})
sys.exit(12)
"""
"""Rank 1 ends with a status once rank 0 waits for SIGTERM, after which rank 0 goes on for some seconds."""


def test_processes_that_end_by_themselves_after_a_failure_explain_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rank_processes, "FAILURE_SECONDS", TRAINING_LIMIT)
    ready = {"READY": str(tmp_path / "ready")}
    end = processes(WAITING.format(status=11, seconds=0), {0: ready, 1: ready}).wait()
    assert end == SetEnd({0: 12, 1: 11}, lost_node=False)


def test_a_process_that_saves_after_a_stop_is_not_killed_like_one_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rank_processes, "FAILURE_SECONDS", 0.1)
    ready = {"READY": str(tmp_path / "ready")}
    end = processes(WAITING.format(status=12, seconds=2), {0: ready, 1: ready}).wait()
    assert end == SetEnd({0: 12, 1: 12}, lost_node=False)


@pytest.mark.parametrize(
    ("status", "end"), [(0, PeerEnd.DONE), (12, PeerEnd.STOPPED), (1, PeerEnd.LOST)]
)
def test_the_other_node_learns_how_this_one_ended(status: int, end: PeerEnd) -> None:
    first, other = pair()
    processes(f"import sys; sys.exit({status})", {0: {}}, first).wait()
    found: list[PeerEnd] = []
    wait_until(lambda: bool(found.extend(other.ended_peers()) or found), "the end is known")
    assert found == [end]
    assert other.ended_peers() == []


def test_a_node_whose_peers_are_done_continues() -> None:
    first, other = pair()
    other.close(PeerEnd.DONE)
    program = "import time; time.sleep(1)"
    assert processes(program, {0: {}}, first).wait() == SetEnd({0: 0}, lost_node=False)


ENDING = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ready = Path(os.environ["READY"])
(ready / os.environ["RANK"]).touch()
while len(list(ready.iterdir())) < 4:
    time.sleep(0.05)
time.sleep(float(os.environ["SECONDS"]))
sys.exit(int(os.environ["STATUS"]))
"""
"""Ends some seconds after SIGTERM ends none of the four processes any more."""


@pytest.mark.parametrize("status", [1, 12], ids=["crashed", "lost a peer"])
@pytest.mark.parametrize("later", [True, False], ids=["it ends first", "it ends last"])
def test_every_node_knows_of_an_out_of_memory_whichever_process_ends_first(
    status: int, later: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for limit in ("FAILURE_SECONDS", "PEER_SECONDS"):
        monkeypatch.setattr(rank_processes, limit, TRAINING_LIMIT)
    first, other = pair()
    ready = {"READY": str(tmp_path)}
    lost = {**ready, "SECONDS": "1.5" if later else "0", "STATUS": str(status)}
    full = {**ready, "SECONDS": "0" if later else "1.5", "STATUS": "11"}
    nodes = [
        processes(ENDING, {0: lost, 1: lost}, first),
        processes(ENDING, {2: lost, 3: full}, other, out_of_memory=3),
    ]
    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(RankProcesses.wait, nodes))
    assert [end.out_of_memory for end in ends] == [True, True]


def test_a_failure_for_another_reason_is_no_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_processes, "PEER_SECONDS", 0.5)
    nodes = [
        processes(f"import sys; sys.exit({status})", {rank: {}}, link)
        for rank, (status, link) in enumerate(zip((12, 1), pair(), strict=True))
    ]
    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(RankProcesses.wait, nodes))
    assert [end.out_of_memory for end in ends] == [False, False]
