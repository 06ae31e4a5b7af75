"""`dpojob logs`: which pods it prints, and how it waits for them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cli.scripted_server import Response, ScriptedServer, scripted_api

from dpojob.commands.cluster import logs
from dpojob.errors import CommandError

SPEC = {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}}
COMPLETE = {"type": "Complete", "status": "True", "reason": "Completed"}


def job(phase: str, *conditions: dict[str, str]) -> Response:
    metadata = {"name": "helpful", "namespace": "team-a", "uid": "u1"}
    status = {"phase": phase, "conditions": list(conditions)}
    return Response([{"metadata": metadata, "spec": SPEC, "status": status}])


def pods(*items: dict[str, Any]) -> Response:
    return Response([{"metadata": {}, "items": list(items)}])


def pod(stage: str, state: str, number: int = 1) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"helpful-{stage}-{number}", "namespace": "team-a", "uid": f"{stage}-{number}",
            "labels": {"dpojob.dev/stage": stage}, "creationTimestamp": f"2026-01-01T00:00:0{number}Z",
        },
        "status": {"containerStatuses": [{"state": {state: {}}}]},
    }  # fmt: skip


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "POLL_SECONDS", 0)


async def follow(
    server: ScriptedServer, directory: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> int:
    server.write_kubeconfig(directory / "config")
    monkeypatch.setenv("KUBECONFIG", str(directory / "config"))
    return await logs.run("helpful", None, None, follow=True, **options)


def log_requests(asked: Sequence[str]) -> list[str]:
    return [path.rpartition("/pods/")[2] for path in asked if "/log" in path]


async def test_following_waits_for_the_pod_and_goes_on_with_the_next_one_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = pod("inspect", "terminated")
    answers = [
        *(job("Pending"), pods()),
        *(job("Pending"), pods()),
        *(job("Inspecting"), pods(pod("inspect", "waiting"))),
        *(
            job("Inspecting"),
            pods(pod("inspect", "running")),
            Response([b"1,000 rows\n", b"valid\n"]),
        ),
        *(job("Queued"), pods(ended, pod("train", "waiting", 2))),
        *(job("Training"), pods(ended, pod("train", "running", 2)), Response([b"step 1\n"])),
        *(job("Complete", COMPLETE), pods(ended, pod("train", "terminated", 2))),
    ]
    async with scripted_api(*answers) as (server, _):
        assert await follow(server, tmp_path, monkeypatch) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["1,000 rows", "valid", "step 1"]
    assert printed.err.splitlines() == [
        "waiting for a pod of helpful (its phase is Pending)",
        "pod helpful-inspect-1 (inspect)",
        "pod helpful-train-2 (train)",
    ]
    assert log_requests(server.asked) == [
        "helpful-inspect-1/log?follow=true",
        "helpful-train-2/log?follow=true",
    ]


async def test_following_begins_with_the_newest_attempt_and_keeps_to_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, newest = pod("train", "terminated", 2), pod("train", "running", 3)
    found = pods(pod("inspect", "terminated"), earlier, newest)
    answers = [
        *(job("Training"), found),
        *(job("Training"), found, Response([b"step 7\n"])),
        *(job("Complete", COMPLETE), found),
    ]
    async with scripted_api(*answers) as (server, _):
        assert await follow(server, tmp_path, monkeypatch, stage="train", tail=5) == 0
        assert log_requests(server.asked) == ["helpful-train-3/log?follow=true&tailLines=5"]
    assert capsys.readouterr().out == "step 7\n"


async def test_following_a_job_that_ended_without_a_pod_ends_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = job("Complete", COMPLETE)
    async with scripted_api(ended, pods(), ended, pods()) as (server, _):
        with pytest.raises(CommandError, match="helpful has no pod now") as caught:
            await follow(server, tmp_path, monkeypatch)
    assert caught.value.code == 1


@pytest.mark.parametrize(
    ("on_terminal", "shown"),
    [(True, "step\t1 \\x1b[2J\\x07C:\\x\n"), (False, "step\t1 \x1b[2J\x07C:\\x\n")],
)
async def test_a_log_cannot_steer_the_terminal_and_is_unchanged_elsewhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    on_terminal: bool,
    shown: str,
) -> None:
    found = pods(pod("train", "running"))
    line = Response([b"step\t1 \x1b[2J\x07C:\\x\n"])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: on_terminal)
    answers = [
        *(job("Training"), found),
        *(job("Training"), found, line),
        *(job("Complete", COMPLETE), found),
    ]
    async with scripted_api(*answers) as (server, _):
        assert await follow(server, tmp_path, monkeypatch) == 0
    assert capsys.readouterr().out == shown
