"""The benchmark of the operator: figures of a burst, requests from an audit log, and the tables."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bench.operator.api_requests import AuditLog, Requests
from bench.operator.compare import Turn
from bench.operator.load import Burst
from bench.operator.process_usage import cpu_seconds, descriptors, resident_mib
from bench.operator.report import comparison

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
    assert log.position() == 0
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
    (tmp_path / "audit.log").write_text("")
    with pytest.raises(RuntimeError, match="rotated"):
        AuditLog(tmp_path / "audit.log").requests(ACCOUNTS, 10)


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


def turn(name: str, scale: float, *, controllers: bool) -> Turn:
    own = {"controller": 2.0 * scale} if controllers else {}
    counts = Counter({("create", "jobs"): 100, ("get", "pods"): 400}) if controllers else Counter()
    return Turn(
        candidate=name,
        warm=[0.01 * scale, 0.02 * scale, 0.5 * scale],
        bursts=[burst(100, 2.0 * scale)],
        requests={100: Requests(counts=counts)},
        cpu={100: {"kube-apiserver": 3.0, "etcd": 1.0, **own}},
        resident={"controller": 80.0} if controllers else {},
    )


def test_the_table_holds_medians_of_all_turns() -> None:
    turns = [
        turn("bare Jobs", 1, controllers=False),
        *(turn("DPOJob", scale, controllers=True) for scale in (1, 2, 30)),
    ]
    lines = comparison(turns)
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
