"""The benchmark of the operator: figures of a burst, requests from an audit log, and the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from bench.operator import compare
from bench.operator.api_requests import STATUS_WRITES, AuditLog, Requests, most_within
from bench.operator.candidates.dpojob_writes import as_created
from bench.operator.compare import Trial, Usage
from bench.operator.fleet import Fleet, has_reconciled
from bench.operator.load import Burst
from bench.operator.page import PAGE
from bench.operator.process_usage import cpu_seconds, descriptors, resident_mib, wanted_seconds
from bench.operator.report import comparison, exponent, fleet, soak
from bench.operator.soak import Sample, Soak
from bench.operator.training_pods import ProgressServer
from tests.kit.waiting import wait_until

from bench import pages
from dpojob_api.progress import Progress

ACCOUNTS = "system:serviceaccount:bench:"


def event(verb: str, resource: str, **fields: Any) -> str:
    event = {
        "user": {"username": f"{ACCOUNTS}dpojob"},
        "stage": "ResponseComplete",
        "verb": verb,
        "requestURI": f"/{resource}",
        "objectRef": {"resource": resource},
        "responseStatus": {"code": 200},
    }
    return json.dumps({**event, **fields}) + "\n"


def test_requests_of_the_accounts_are_counted_from_a_position_on(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log")
    (tmp_path / "audit.log").write_text(event("get", "pods"))
    since = log.position()
    status = {"resource": "dpojobs", "subresource": "status"}
    lines = [
        event("create", "jobs", requestObject={"a": 1}, responseObject={"a": 1, "b": 2}),
        event("update", "dpojobs", objectRef=status),
        event("update", "leases"),
        event("watch", "pods", stage="ResponseStarted"),
        event("watch", "pods"),
        event("get", "pods", user={"username": "system:serviceaccount:other:dpojob"}),
        event("get", "pods")[:20],
    ]
    with (tmp_path / "audit.log").open("a") as file:
        file.writelines(lines)
    found = log.requests(ACCOUNTS, since)
    assert found.by_job() == {("create", "jobs"): 1, ("update", "dpojobs/status"): 1}
    assert found.total == 2 and found.counts["watch", "pods"] == 1
    assert found.bytes_by_job() == {("create", "jobs"): len('{"a":1}' + '{"a":1,"b":2}')}


def test_a_rotated_audit_log_is_no_measurement(tmp_path: Path) -> None:
    """Also where the next file is already longer than the rotated one was at the position."""
    path = tmp_path / "audit.log"
    path.write_text(event("get", "pods"))
    since = AuditLog(path).position()
    path.rename(tmp_path / "audit-2026-01-02T03-04-05.678.log")
    path.write_text(event("get", "pods") * 3)
    with pytest.raises(RuntimeError, match="rotated"):
        AuditLog(path).requests(ACCOUNTS, since)


def test_the_status_writes_of_each_job_are_counted_in_any_window(tmp_path: Path) -> None:
    """No half minute of the clock holds more than two writes of the first job, and yet three come within 30 s."""
    path = tmp_path / "audit.log"
    path.write_text("")
    log = AuditLog(path)
    since = log.position()
    for job, seconds in (("one", (20, 35, 45)), ("two", (0, 30))):
        for second in seconds:
            reference = {"resource": "dpojobs", "subresource": "status", "name": job}
            received = f"2026-01-02T03:04:{second:09.6f}Z"
            line = event("update", "", objectRef=reference, requestReceivedTimestamp=received)
            with path.open("a") as file:
                file.write(line)
    moments = log.moments(ACCOUNTS, since, STATUS_WRITES)
    window = timedelta(seconds=30)
    assert {job: most_within(found, window) for job, found in moments.items()} == {
        "one": 3,
        "two": 1,
    }
    assert most_within([], window) == 0


def test_a_pass_over_pools_or_one_that_failed_is_no_reconciliation() -> None:
    failing = "dpojob_failing_passes{resource=%s}"
    passes = 'dpojob_reconciles_total{result="ok"}'
    pools, jobs = failing % '"gpupools"', failing % '"dpojobs"'
    assert not has_reconciled({})
    assert not has_reconciled({passes: 1, pools: 0})
    assert not has_reconciled({passes: 1, pools: 0, jobs: 1})
    assert has_reconciled({passes: 2, pools: 0, jobs: 0})


def burst(jobs: int, seconds: float) -> Burst:
    latencies = tuple(seconds * (index + 1) / jobs for index in range(jobs))
    return Burst(jobs, seconds, seconds / 2, latencies)


def test_a_burst_has_its_rate_and_percentiles() -> None:
    found = burst(101, 10.1)
    assert (found.rate, round(found.percentile(50), 3), round(found.percentile(99), 3)) == (
        10.0,
        5.1,
        10.0,
    )
    assert burst(1, 3.0).percentile(99) == 3.0


def trial(name: str, scale: float, *, controllers: bool) -> Trial:
    own = {"controller": 2.0 * scale} if controllers else {}
    counts = Counter({("create", "jobs"): 100, ("get", "pods"): 400}) if controllers else Counter()
    return Trial(
        candidate=name,
        warm=[0.01 * scale, 0.02 * scale, 0.5 * scale],
        bursts=[burst(100, 2.0 * scale)],
        requests={100: Requests(counts=counts)},
        cpu={100: {"kube-apiserver": 3.0, "etcd": 1.0, **own}},
        resident={"controller": 80.0} if controllers else {},
    )


def test_the_table_holds_medians_of_all_turns() -> None:
    trials = [
        trial("bare Jobs", 1, controllers=False),
        *(trial("DPOJob", scale, controllers=True) for scale in (1, 2, 30)),
    ]
    lines = comparison(trials)
    rows = {line.split("|")[1].strip(): line for line in lines if line.startswith("|")}
    assert rows["one job, warm, median"].endswith("| 20 ms | 40 ms |")
    assert rows["100 at once: rate"].endswith("| 50.0/s | 25.0/s |")
    assert rows["API requests per job (100 at once)"].endswith("| 0.0 | 5.0 |")
    assert rows["CPU s per 1,000 jobs: controllers"].endswith("| - | 40.0 |")
    assert rows["CPU s per 1,000 jobs: control plane"].endswith("| 40.0 | 40.0 |")
    assert rows["resident memory after, MiB"].endswith("| - | 80 |")
    assert "| get | pods | 4.00 |" in lines


def test_the_kernel_counts_a_process() -> None:
    own = os.getpid()
    assert cpu_seconds(own) > 0 and resident_mib(own) > 1
    sockets, others = descriptors(own)
    assert sockets >= 0 and others > 0


def test_a_section_of_the_page_replaces_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    PAGE.write(path, "Scale", pages.section("python -m bench.operator scale", 0.1, ["old figures"]))
    PAGE.write(path, "Comparison", ["table"])
    PAGE.write(
        path, "Scale", pages.section("python -m bench.operator scale", 99.0, ["new figures"])
    )
    text = path.read_text()
    assert text.startswith(PAGE.head.strip())
    assert text.index("## Comparison\n\ntable\n") < text.index("## Scale\n")
    assert "new figures" in text and "old figures" not in text
    assert "load average 99.0" in text and pages.LOADED_SENTENCE in text


def test_the_exponent_of_a_linear_and_of_a_quadratic_time() -> None:
    sizes = (100, 1000, 10000)
    assert exponent([burst(size, size / 50) for size in sizes]) == pytest.approx(1.0)
    assert exponent([burst(size, (size / 50) ** 2) for size in sizes]) == pytest.approx(2.0)


def sample(seconds: float, resident: float) -> Sample:
    return Sample(seconds, 5, resident, 30, 4, 8, 12, 90)


def test_a_soak_shows_growth_between_the_last_two_thirds() -> None:
    flat = [sample(10.0 * index, 100.0) for index in range(30)]
    leaking = [sample(10.0 * index, 100.0 + index) for index in range(30)]
    assert Soak(300, flat).growth() == 0
    assert Soak(300, leaking).growth() == pytest.approx(100.0)  # 10 MiB in 100 jobs
    lines = soak(Soak(300, leaking, {"evict": 3}, 200.0, sample(0, 90), sample(400, 120), 2))
    assert lines[2] == "| before | 5 | 90 | 30 | 4 | 8 | 12 | 90 |"
    assert "Metric series that still name a deleted job: 2." in lines
    assert "3 evict; 200 ended by themselves" in lines[-1]


async def test_progress_is_answered_for_each_address_and_gaps_are_noted() -> None:
    async with ProgressServer().serving(port=0) as server, aiohttp.ClientSession() as session:
        for address in ("127.77.0.1", "127.77.0.2", "127.77.0.1"):
            async with session.get(f"http://{address}:{server.port}/progress") as answer:
                assert Progress.model_validate_json(await answer.text()).step is not None
    assert set(server.asked) == {"127.77.0.1", "127.77.0.2"}
    assert server.requests == 3 and server.longest_gap > 0


def test_the_fleet_table_leaves_watches_out() -> None:
    idle = Requests(counts=Counter({("watch", "pods"): 7, ("update", "leases"): 9}))
    complete = Requests(counts=Counter({("create", "jobs"): 10, ("get", "pods"): 70}))
    found = Fleet(10, 2, seconds=60.0, idle=idle, finish_requests=complete, most_status_writes=2)
    lines = fleet(found)
    assert "| API requests per job, create to Complete | 8.0 |" in lines
    assert "| status writes of one running job in any 30 s, at most | 2 |" in lines
    assert "| idle: requests in 60 s besides watches and the Lease | 0 |" in lines


def test_a_process_that_waits_for_a_processor_wants_one() -> None:
    """Two that may use one processor alone: each runs half of the time, and wants it all the time."""
    processor = min(os.sched_getaffinity(0))
    with ExitStack() as stack:
        busy = [
            stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            for _ in range(2)
        ]
        for process in busy:
            stack.callback(process.kill)
            os.sched_setaffinity(process.pid, {processor})

        def share() -> float:
            used = sum(cpu_seconds(process.pid) for process in busy)
            return used / sum(wanted_seconds(process.pid) for process in busy)

        wait_until(
            lambda: cpu_seconds(busy[0].pid) > 0.2 and share() < 0.7, "one waits for another"
        )


async def test_a_control_plane_that_waits_for_a_processor_is_not_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compare, "QUIET_SECONDS", 0.001)
    wanted = iter([0.0, 100.0, 200.0, 200.0])

    class Starved(Usage):
        def __init__(self) -> None:
            self.left = 4

        def cpu(self) -> dict[str, float]:
            return {}

        def wanted(self) -> float:
            self.left -= 1
            return next(wanted)

    starved = Starved()
    await starved.until_quiet()
    assert starved.left == 0


def test_a_copied_job_leaves_out_what_the_api_server_sets() -> None:
    pod = {"containers": [{"name": "train"}]}
    own = {"dpojob.dev/job": "first"}
    written = {
        "metadata": {"name": "first-train-1", "uid": "1", "resourceVersion": "2", "labels": own},
        "spec": {
            "backoffLimit": 0,
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}},
            "template": {"metadata": {"labels": {**own, "job-name": "first-train-1"}}, "spec": pod},
        },
        "status": {"active": 1},
    }
    assert as_created(written) == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "first-train-1", "labels": own},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": own}, "spec": pod}},
    }
