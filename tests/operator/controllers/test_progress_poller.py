"""Reading progress from pods."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from dpojob_operator.controllers.dpojob import ProgressPoller, progress_poller
from dpojob_operator.controllers.dpojob.progress_poller import parse
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.process.metrics import RUNNING


def test_values_that_are_no_json_numbers_become_absent() -> None:
    read = parse('{"step": 3, "loss": NaN, "gradNorm": Infinity, "margin": -0.5}')
    assert (read.step, read.loss, read.grad_norm, read.margin) == (3, None, None, -0.5)
    assert not any(isinstance(v, float) and math.isnan(v) for v in read.wire().values())


def margin() -> float | None:
    return REGISTRY.get_sample_value(
        "dpojob_training_reward_margin", {"namespace": "ns", "name": "x"}
    )


async def test_a_running_job_has_series_that_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = ["not json", {"step": 1, "maxSteps": 2, "margin": 0.25}]

    async def serve(_: web.Request) -> web.Response:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return web.Response(text=answer) if isinstance(answer, str) else web.json_response(answer)

    app = web.Application()
    app.router.add_get("/progress", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setattr(progress_poller, "PROGRESS_PORT", runner.addresses[0][1])
    reported = asyncio.Event()
    key = ("ns", "x")
    poller = ProgressPoller(
        None,  # type: ignore[arg-type]  # the pod's own address needs no cluster
        by_proxy=False,
        every=0.01,
        notify_every=3600,
        notify=lambda _: reported.set(),
    )
    poller.watch(key, PodSnapshot(name="p", uid="u", address="127.0.0.1"))
    running = asyncio.ensure_future(poller.run())
    try:
        await asyncio.wait_for(reported.wait(), 30)
        seen = poller.latest(key, "u")
        assert seen is not None and seen.step == 1
        assert poller.latest(key, "another pod") is None
        assert margin() == 0.25
        poller.stop(key)
        assert margin() is None
        assert RUNNING.progress == {}
    finally:
        running.cancel()
        await runner.cleanup()
