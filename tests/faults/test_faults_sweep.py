"""Which runs are chosen, and the harness's own clock and queue."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.kit.cluster import fake_kueue
from tests.kit.cluster.clock_override import Clock

from . import runner, sweep
from .injection.fault_types import kind_of, may_be_answered_stale
from .injection.request_log import OPERATOR_AGENT, Log
from .runs import Result

pytestmark = pytest.mark.faults
JOBS = "/apis/batch/v1/namespaces/n/jobs"
DPOJOBS = "/apis/dpojob.dev/v1alpha1/dpojobs"


def clean_log(writes: int, reads: int) -> Log:
    log = Log()
    for _ in range(writes):
        log.add(kind_of("POST", JOBS, False), JOBS, 1, 0)
    for _ in range(reads):
        log.add(kind_of("GET", f"{JOBS}/x", False), f"{JOBS}/x", 1, 0)
    log.add(kind_of("GET", JOBS, True), JOBS, 1, 0).events = 9
    return log


def test_a_long_sweep_has_every_crash_point_and_enough_of_all_else() -> None:
    logs = {"one": clean_log(200, 60), "two": clean_log(200, 60)}
    chosen = sweep.choose(logs, 850, random.Random(1))
    assert set(sweep.cases("crashes", logs)) <= set(chosen)
    # Each family's share is rounded by itself.
    assert len(chosen) == pytest.approx(800 + sweep.LEAST_OTHERS, abs=len(sweep.SHARES))
    assert len(set(chosen)) == len(chosen)
    assert chosen == sweep.choose(logs, 850, random.Random(1)), "the seed makes every choice"
    assert chosen != sweep.choose(logs, 850, random.Random(2))


def test_a_short_sweep_is_as_long_as_asked() -> None:
    logs = {"one": clean_log(200, 60)}
    chosen = sweep.choose(logs, 40, random.Random(1))
    assert len(chosen) == 40
    families = [sum(case in sweep.cases(name, logs) for case in chosen) for name in sweep.FAMILIES]
    assert families[0] == 20
    assert all(families), "none is left out"


def test_what_was_not_chosen_is_drawn_next() -> None:
    logs = {"one": clean_log(3, 2)}
    chosen = sweep.choose(logs, 10, random.Random(1))
    more = sweep.others(logs, chosen, 5, random.Random(1))
    assert len(more) == 5
    assert not set(more) & set(chosen)


def test_a_clock_outlives_its_readers(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.forward(3600)
    again = Clock(tmp_path / "clock")
    assert 3590 < (again() - datetime.now(UTC)).total_seconds() < 3610


def test_only_a_job_that_names_a_queue_is_held() -> None:
    free = json.dumps({"metadata": {"name": "a"}, "spec": {}}).encode()
    assert fake_kueue.suspended_at_creation(free) == free
    held = {"metadata": {"name": "a", "labels": fake_kueue.QUEUE}, "spec": {}}
    assert (
        json.loads(fake_kueue.suspended_at_creation(json.dumps(held).encode()))["spec"]["suspend"]
        is True
    )


@pytest.mark.parametrize(
    ("path", "watching", "expected"),
    [
        ("/api/v1/pods", False, True),
        ("/apis/dpojob.dev/v1alpha1/gpupools", False, True),
        ("/api/v1/pods", True, False),
        ("/api/v1/namespaces/n/pods", False, False),
        (JOBS, False, False),
        (f"{JOBS}/x", False, False),
        ("/apis", False, False),
    ],
)
def test_only_a_list_of_the_whole_cluster_may_be_stale(
    path: str, watching: bool, expected: bool
) -> None:
    assert may_be_answered_stale(kind_of("GET", path, watching), path) is expected


def test_the_slowest_answer_is_of_the_api_server() -> None:
    log = Log()
    seconds = {("GET", JOBS, False): (2.0, 200), ("GET", JOBS, True): (90.0, 200), ("POST", JOBS, False): (50.0, 500)}  # fmt: skip
    assert log.slowest_answer() == 0
    for (method, path, watching), (took, status) in seconds.items():
        entry = log.add(kind_of(method, path, watching), path, 1, 0)
        entry.ended, entry.status, entry.answered = entry.began + took, status, status
    log.add(kind_of("GET", JOBS, False), JOBS, 1, 0)
    assert log.slowest_answer() == pytest.approx(2.0)


def test_resyncs_in_a_row_are_those_of_one_process() -> None:
    log = Log()

    def listed(
        process: int, agent: str = OPERATOR_AGENT, answer: int = 200, replica: int = 0
    ) -> int:
        entry = log.add(kind_of("GET", DPOJOBS, False), DPOJOBS, process, replica, agent)
        entry.answered = answer
        return log.resyncs(since)

    since = log.add(kind_of("POST", JOBS, False), JOBS, 1, 0).began
    assert listed(1, agent="kopf/1") == 0
    assert listed(1) == 1
    assert listed(1, answer=500) == 1
    assert listed(1) == 2
    assert listed(2) == 1, "a new process"
    assert listed(1, replica=1) == 1
    assert listed(1, replica=1) == 2
    since = log.entries[-1].began
    assert log.resyncs(since) == 0


@pytest.mark.parametrize("writes", [(5, 3), (3, 5)])
def test_the_reference_is_the_clean_run_with_fewer_writes(writes: tuple[int, int]) -> None:
    clean = [Result("s", None, end=str(n), log=clean_log(n, reads=2)) for n in writes]
    references = runner.references_of(clean)
    assert (references.ends["s"], len(references.logs["s"].writes)) == ("3", 3)
