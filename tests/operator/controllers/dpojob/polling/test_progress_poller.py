"""Reading progress from pods, whatever they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import REGISTRY, generate_latest
from tests.kit.operator.running_poller import polling
from tests.kit.waiting import LIMIT

from dpojob_operator.controllers.dpojob import ProgressPoller, progress_poller
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.kube import ApiClient
from dpojob_operator.process.metrics import RUNNING

KEY = ("ns", "x")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def margin(name: str = "x") -> float | None:
    return REGISTRY.get_sample_value(
        "dpojob_training_reward_margin", {"namespace": "ns", "name": name}
    )


@asynccontextmanager
async def pods(monkeypatch: pytest.MonkeyPatch, **handlers: Handler) -> AsyncIterator[list[str]]:
    """An HTTP server for each pod, on addresses of the loopback network; yields the addresses."""
    addresses, runners, port = [], [], 0
    for number, handler in enumerate(handlers.values(), start=1):
        app = web.Application()
        app.router.add_get("/progress", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        address = f"127.0.7.{number}"
        await web.TCPSite(runner, address, port).start()
        port = runner.addresses[0][1]
        addresses.append(address)
        runners.append(runner)
    monkeypatch.setattr(progress_poller, "PROGRESS_PORT", port)
    try:
        yield addresses
    finally:
        for runner in runners:
            await runner.cleanup()


def answering(*bodies: bytes) -> Handler:
    """Answers with each body once, then with the last one."""
    left = list(bodies)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=left.pop(0) if len(left) > 1 else left[0])

    return handler


async def test_a_running_job_has_series_that_end_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = asyncio.Event()
    handler = answering(b"not json", b'{"step": 1, "maxSteps": 2, "margin": 0.25}')
    async with (
        pods(monkeypatch, one=handler) as (address,),
        polling(lambda _: reported.set()) as poller,
    ):
        poller.watch(KEY, PodSnapshot(name="p", uid="u", address=address))
        await asyncio.wait_for(reported.wait(), LIMIT)
        seen = poller.latest(KEY, "u")
        assert seen is not None and seen.step == 1
        assert poller.latest(KEY, "another pod") is None
        assert margin() == 0.25
        poller.stop(KEY)
        assert margin() is None
        assert RUNNING.progress == {}


async def test_an_answer_in_several_segments_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reported = asyncio.Event()

    async def in_two(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(b'{"step": 41, "margin": 1.5}')
        await response.prepare(request)
        await response.write(b'{"step": 41,')
        await asyncio.sleep(0.2)
        await response.write(b' "margin": 1.5}')
        return response

    async with (
        pods(monkeypatch, one=in_two) as (address,),
        polling(lambda _: reported.set()) as poller,
    ):
        poller.watch(KEY, PodSnapshot(name="p", uid="u", address=address))
        await asyncio.wait_for(reported.wait(), LIMIT)
        assert margin() == 1.5


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.05)


async def compressed(request: web.Request) -> web.StreamResponse:
    response = web.Response(body=b'{"step": 7}')
    response.enable_compression(web.ContentCoding.gzip)
    response.headers["Content-Encoding"] = "gzip"
    return response


async def redirect(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.7.1:1/")


HOSTILE = {
    "nested": answering(b"[" * 60_000),
    "huge": answering(b'{"step": 1}' + b" " * 65536),
    "number": answering(b'{"step": 1, "margin": 1' + b"0" * 400 + b"}"),
    "endless": endless,
    "compressed": compressed,
    "redirect": redirect,
}


async def test_no_answer_ends_polling_or_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of a pod that answers rightly come beside pods that answer anything."""
    monkeypatch.setattr(progress_poller, "TIMEOUT_SECONDS", LIMIT)
    reported = asyncio.Event()

    def notify(key: Any) -> None:
        if key == KEY:
            reported.set()

    good = answering(b'{"margin": 2.0}')
    async with (
        pods(monkeypatch, **HOSTILE, good=good) as addresses,
        polling(notify) as poller,
    ):
        for name, address in zip(HOSTILE, addresses, strict=False):
            poller.watch(("ns", name), PodSnapshot(name=name, uid=name, address=address))
        tried = {("ns", name): poller._watched["ns", name] for name in HOSTILE}
        async with asyncio.timeout(LIMIT):
            while not all(one.failures or one.progress for one in tried.values()):
                await asyncio.sleep(0.01)
        poller.watch(KEY, PodSnapshot(name="p", uid="u", address=addresses[-1]))
        await asyncio.wait_for(reported.wait(), LIMIT)
        assert [key[1] for key, one in tried.items() if one.progress] == ["number"]
        assert margin() == 2.0
        assert margin("number") is None
        assert b"dpojob_training_reward_margin" in generate_latest(REGISTRY)


async def test_an_answer_that_takes_too_long_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_poller, "TIMEOUT_SECONDS", 0.1)
    async with (
        pods(monkeypatch, drip=drip) as (address,),
        polling(lambda _: None) as poller,
    ):
        poller.watch(KEY, PodSnapshot(name="p", uid="u", address=address))
        watched = poller._watched[KEY]
        async with asyncio.timeout(LIMIT):
            while not watched.failures:
                await asyncio.sleep(0.01)
        assert watched.progress is None


async def test_silent_pods_do_not_delay_the_figures_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten times as many silent pods as readings at once; each would hold one for the whole test."""
    monkeypatch.setattr(progress_poller, "TIMEOUT_SECONDS", 3600.0)
    # Otherwise one reading that a busy machine makes slow puts the good pod among the silent ones for ever.
    monkeypatch.setattr(progress_poller, "SLOW_SECONDS", LIMIT)
    monkeypatch.setattr(progress_poller, "MAX_CONCURRENT", 4)
    monkeypatch.setattr(progress_poller, "MAX_CONCURRENT_SLOW", 4)
    asked: list[str] = []
    twice = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.append("")
        await asyncio.sleep(3600)
        raise AssertionError

    async def good(request: web.Request) -> web.StreamResponse:
        asked.append("good")
        if asked.count("good") > 3:
            twice.set()
        return web.json_response({"step": 1})

    async with (
        pods(monkeypatch, silent=silent, good=good) as (quiet, address),
        polling(lambda _: None) as poller,
    ):
        poller.watch(KEY, PodSnapshot(name="p", uid="u", address=address))
        async with asyncio.timeout(LIMIT):
            while not asked:
                await asyncio.sleep(0.01)
        for number in range(40):
            key = ("ns", f"silent-{number}")
            poller.watch(key, PodSnapshot(name="s", uid=f"s{number}", address=quiet))
            poller._watched[key].quick_readings = 0
        await asyncio.wait_for(twice.wait(), LIMIT)
        assert asked.count("") <= 4, "silent pods are read a few at a time"


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_answer_through_the_api_server_is_cut(
    status: int, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server passes on what a pod answers, its errors too."""
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            sent += 65536

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/ns/pods/http:p:8080/proxy/progress", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = tmp_path / "kubeconfig"
    config.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c,"
        f" user: u}}}}], clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{runner.addresses[0][1]}'}}}}],"
        " users: [{name: u, user: {}}]}"
    )
    location = "kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(location, str(config))
    try:
        async with ApiClient() as cluster:
            with pytest.raises(Exception, match=r"longer than|500"):
                await asyncio.wait_for(
                    cluster.read_from_pod("ns", "p", 8080, "/progress", 65536), LIMIT
                )
        assert sent < 32 * 2**20
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("jobs", "reading", "notice"), [(1, 5.0, 10.0), (200, 5.0, 10.0), (1000, 25.0, 1000 / 33)]
)
async def test_many_pods_are_read_less_often(jobs: int, reading: float, notice: float) -> None:
    unused: Any = None
    poller = ProgressPoller(unused, by_proxy=False, every=5, notify_every=10, notify=unused)
    for number in range(jobs):
        poller.watch(("ns", str(number)), PodSnapshot("pod", f"uid-{number}"))
    assert (poller.reading_seconds, poller.notice_seconds) == (reading, notice)
