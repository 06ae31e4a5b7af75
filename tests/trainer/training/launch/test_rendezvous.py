"""The rendezvous of a set's nodes, and the outcome of a node from its processes. No training."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.kit.ports import free_port
from tests.kit.waiting import LIMIT, wait_until

from dpojob_api.progress import Outcome, Progress
from dpojob_trainer.training.launch import rendezvous
from dpojob_trainer.training.launch.launcher import combine_outcomes
from dpojob_trainer.training.setup.errors import Interrupted, TrainingError, exit_code, is_lost_peer


def never() -> bool:
    return False


@pytest.fixture
def port() -> int:
    return free_port()


class Later(threading.Thread):
    """A call beside the test's own; `result` waits for what it gave or raises what it raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self._found: Any = None
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._found = self._call()
        except BaseException as error:
            self._error = error

    def result(self) -> Any:
        self.join(LIMIT)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error
        return self._found


def join(port: int, node: int, key: str = "k", is_stopped: Callable[[], bool] = never) -> Later:
    return Later(lambda: rendezvous.join("localhost", port, node, key, is_stopped, LIMIT))


def host(port: int, nodes: int, is_stopped: Callable[[], bool] = never) -> Later:
    return Later(lambda: rendezvous.host(port, nodes, "k", is_stopped, LIMIT))


def test_all_nodes_get_the_same_set_whichever_joins_first(port: int) -> None:
    early = join(port, 2)
    first = host(port, 3)
    late = join(port, 1)
    sets = [first.result(), early.result(), late.result()]
    assert len({(m.run_id, m.port) for m in sets}) == 1
    assert {m.address for m in sets[1:]} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 5):
        return True
    return False


def test_a_node_that_left_must_join_again(port: int, caplog: pytest.LogCaptureFixture) -> None:
    first = host(port, 3)
    wait_until(lambda: listens(port), "the first node listens")
    # `is_stopped` is asked a second time only after the node has sent its line.
    answers = iter([False])
    leaving = join(port, 1, is_stopped=lambda: next(answers, True))
    with pytest.raises(Interrupted):
        leaving.result()
    wait_until(lambda: "node 1 closed its connection" in caplog.text, "the first node noticed")
    other = join(port, 2)
    other.join(4)
    assert first.is_alive() and other.is_alive()
    again = join(port, 1)
    assert first.result().run_id == other.result().run_id == again.result().run_id


def test_a_complete_set_accepts_no_other_node(port: int) -> None:
    first, other = host(port, 2), join(port, 1)
    old = first.result()
    other.result()
    replaced = join(port, 1)
    replaced.join(3)
    assert replaced.is_alive()
    assert host(port, 2).result().run_id == replaced.result().run_id != old.run_id


def test_connections_of_others_are_rejected(port: int) -> None:
    first = host(port, 2)
    wait_until(lambda: listens(port), "the first node listens")
    of_another_job = join(port, 1, key="another job")
    of_another_job.join(3)
    for line in (b"GET / HTTP/1.1\r\n\r\n\n", b'{"key": "k", "node": 7}\n', b"[]\n"):
        with socket.create_connection(("localhost", port), LIMIT) as there:
            there.sendall(line)
            assert there.recv(10) == b""
    right = join(port, 1)
    assert first.result().run_id == right.result().run_id


@pytest.mark.parametrize("role", ["first", "other"])
def test_a_missing_node_is_named_with_what_it_may_wait_for(port: int, role: str) -> None:
    with pytest.raises(TrainingError) as caught:
        if role == "first":
            rendezvous.host(port, 3, "k", never, 0.1)
        else:
            rendezvous.join("localhost", port, 1, "k", never, 0.1)
    assert "node" in caught.value.message and "free GPU" in caught.value.message
    assert caught.value.reason == "TrainingFailed"


def test_no_outgoing_connection_takes_the_port_of_the_store() -> None:
    assert rendezvous.free_port() < 32_768, (
        "the kernel's range for outgoing connections begins here"
    )


def test_waiting_ends_when_the_pod_is_stopped(port: int) -> None:
    with pytest.raises(Interrupted):
        rendezvous.host(port, 2, "k", lambda: True)
    with pytest.raises(Interrupted):
        rendezvous.join("localhost", port, 1, "k", lambda: True)


DONE = Outcome(outcome="Succeeded", reason="Completed", message="Trained.")
OOM = Outcome(outcome="Failed", reason="OutOfMemory", message="Out of GPU memory")
SAVED = Outcome(
    outcome="Interrupted", reason="Stopped", message="lost",
    progress=Progress(step=9, checkpoint_step=8, resumed_from=4),
)  # fmt: skip
UNSAVED = Outcome(
    outcome="Interrupted", reason="Stopped", message="lost",
    progress=Progress(step=6, checkpoint_step=4, resumed_from=4),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "known", "wanted"),
    [
        ("all is well", {"outcomes": {0: DONE, 1: DONE}}, "Completed 0"),
        (
            "another node's first is not here",
            {"outcomes": {}, "exit_statuses": {1: 0}},
            "Completed 0",
        ),
        (
            "who failed by itself explains the end",
            {"outcomes": {0: SAVED, 1: OOM}, "exit_statuses": {0: 12, 1: 11}},
            "OutOfMemory 11",
        ),
        (
            "killed by the kernel",
            {"outcomes": {0: SAVED}, "exit_statuses": {0: 12, 1: -9}},
            "OutOfMemory 11",
        ),
        (
            "killed while stopping",
            {"outcomes": {}, "exit_statuses": {1: -9}, "stop_requested": True},
            "Stopped 12",
        ),
        ("a lost node, after a checkpoint", {"outcomes": {0: SAVED}}, "Stopped 12"),
        ("a lost node, before a new checkpoint", {"outcomes": {0: UNSAVED}}, "TrainingFailed 1"),
        (
            "the same, with one on disk",
            {"outcomes": {0: UNSAVED}, "has_new_checkpoint": True},
            "Stopped 12",
        ),
        (
            "aborted by NCCL",
            {"outcomes": {}, "exit_statuses": {0: -6}, "has_new_checkpoint": True},
            "Stopped 12",
        ),
        ("aborted, nothing saved", {"outcomes": {}, "exit_statuses": {0: -6}}, "TrainingFailed 1"),
        (
            "killed with the others of a lost node, after a checkpoint",
            {"outcomes": {}, "lost_node": True, "has_new_checkpoint": True},
            "Stopped 12",
        ),
        (
            "killed with the others of a lost node, nothing saved",
            {"outcomes": {}, "lost_node": True},
            "TrainingFailed 1",
        ),
        (
            "failed, and the others were killed",
            {"outcomes": {}, "exit_statuses": {1: -11}},
            "TrainingFailed 1",
        ),
        ("no outcome", {"outcomes": {}, "exit_statuses": {0: 1}}, "TrainingFailed 1"),
    ],
)
def test_the_outcomes_of_a_node_are_combined(name: str, known: dict[str, Any], wanted: str) -> None:
    outcome = combine_outcomes(
        **{
            "exit_statuses": {},
            "lost_node": False,
            "stop_requested": False,
            "has_new_checkpoint": False,
            **known,
        }
    )
    assert f"{outcome.reason} {exit_code(outcome.reason)}" == wanted, name
    assert outcome.message or outcome.outcome == "Succeeded"


@pytest.mark.parametrize(
    ("known", "begins"),
    [
        ({"lost_node": True}, "Another process of the set was lost at step 9"),
        ({"exit_statuses": {0: 12, 1: -11}}, "Another process of the set was lost at step 9"),
        ({"exit_statuses": {0: 12, 1: 12}}, "Stopped by a signal at step 9"),
        ({"lost_node": True, "stop_requested": True}, "Stopped by a signal at step 9"),
    ],
)
def test_a_process_ended_for_the_loss_of_another_says_so(
    known: dict[str, Any], begins: str
) -> None:
    stopped = SAVED.model_copy(update={"message": "Stopped by a signal at step 9 of 20."})
    defaults: dict[str, Any] = {"exit_statuses": {}, "lost_node": False, "stop_requested": False}
    outcome = combine_outcomes(
        outcomes={0: stopped}, has_new_checkpoint=True, **{**defaults, **known}
    )
    assert outcome.message.startswith(begins)


def test_a_lost_peer_is_distinguished_from_a_failure_of_the_node_itself() -> None:
    gloo = "[../third_party/gloo/gloo/transport/tcp/pair.cc:538] Connection closed by peer [::1]:1"
    assert is_lost_peer(RuntimeError(gloo))
    assert not is_lost_peer(RuntimeError("shapes differ"))
    assert not is_lost_peer(ConnectionResetError("hub: Connection reset by peer"))
