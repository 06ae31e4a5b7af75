import fcntl
import itertools
import json
import multiprocessing
import os
import subprocess
import time
from pathlib import Path

import pytest

from devcluster.cluster import Cluster
from devcluster.host import ports
from devcluster.host.errors import DevclusterError
from devcluster.host.locks import locked
from devcluster.state import CONTROL_PLANE, State, clusters, clusters_with_data


def test_two_clusters_never_share_a_port(state_home: Path) -> None:
    first = State("one").create(CONTROL_PLANE, 0, "")
    second = State("two").create(CONTROL_PLANE, 0, "")
    assert not set(first.ports.values()) & set(second.ports.values())
    assert len(set(first.ports.values())) == len(first.ports)
    assert clusters() == ["one", "two"]


def test_ports_are_below_the_ephemeral_and_the_node_port_range(state_home: Path) -> None:
    chosen = ports.choose(("a", "b", "c"), state_home)
    assert all(20000 <= port < 30000 for port in chosen.values())


def test_what_is_saved_is_loaded(state_home: Path) -> None:
    record = State("one").create(CONTROL_PLANE, 3, "")
    record.gpus = {"node-0": {"nvidia.com/gpu": 2}}
    State("one").save(record)
    assert State("one").load() == record


def test_a_missing_cluster_says_how_to_start_one(state_home: Path) -> None:
    with pytest.raises(DevclusterError, match="devcluster up"):
        State("nobody").load()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "ä"])
def test_a_name_cannot_leave_the_state_directory(name: str, state_home: Path) -> None:
    with pytest.raises(DevclusterError, match="no name"):
        State(name)


def test_the_image_store_survives_unless_purged(state_home: Path) -> None:
    state = State("one")
    state.create(CONTROL_PLANE, 0, "")
    (state.images / "node-0").mkdir(parents=True)
    (state.directory / "etcd").mkdir()
    state.remove(images=False)
    assert [path.name for path in state.directory.iterdir()] == ["images"]
    assert clusters() == []
    assert clusters_with_data() == ["one"]
    state.remove(images=True)
    assert clusters_with_data() == []
    assert not state.directory.exists()


def _hold(path: Path, marks: Path) -> None:
    with locked(path, "test"):
        (marks / f"{os.getpid()}-in").write_text(str(time.monotonic()))
        time.sleep(0.2)
        path.unlink()
        (marks / f"{os.getpid()}-out").write_text(str(time.monotonic()))


def test_a_lock_excludes_even_when_its_holder_removes_the_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_hold, args=(tmp_path / "lock", tmp_path)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    spans = sorted(
        (float(path.read_text()), float((tmp_path / path.name.replace("in", "out")).read_text()))
        for path in tmp_path.glob("*-in")
    )
    assert len(spans) == 4
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_a_daemon_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", "test"):
        sleeper = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with (tmp_path / "lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_cluster_that_is_down_has_the_images_that_its_store_keeps(state_home: Path) -> None:
    state = State("one")
    state.images.mkdir(parents=True)
    (state.images / "loaded.json").write_text(json.dumps({"localhost/kept:1": "sha256:abc"}))
    assert Cluster("one").has_image("localhost/kept:1")
    assert not Cluster("one").has_image("localhost/kept:2")
