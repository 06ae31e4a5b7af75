"""The operator's process: `python -m dpojob_operator`, configured by the environment (settings.py).

Kopf provides the watch streams, and no more: its session takes the objects out of them
(kube/kopf_session.py). Nothing relies on its bookkeeping: no patches, no results, no
finalizers, no create, update, timer or daemon handlers (docs/operate.md says why). When any part of the
process ends, all of it does, with a non-zero status, and Kubernetes starts it again; that is cheap
and safe, because the stores are filled again from lists.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from typing import Any

import kopf

from dpojob_api.constants import GROUP, VERSION
from dpojob_operator.controllers import Handlers, build_components
from dpojob_operator.kube import FLUSH_SECONDS, MIN_PAGE, ApiClient, login, run_as_leader
from dpojob_operator.kube.resources import MANAGED
from dpojob_operator.process import Clock, Settings, SettingsError
from dpojob_operator.process.garbage_collection import collect_seldom
from dpojob_operator.process.metrics import LEADERSHIP
from dpojob_operator.process.probes import serve_probes
from dpojob_operator.process.settings import load
from dpojob_operator.process.task_supervisor import run_until_first_exit

log = logging.getLogger(__name__)
MAX_SHUTDOWN_SECONDS = FLUSH_SECONDS + 4.0
"""The longest time from a signal to the end of the process; less than the chart's terminationGracePeriodSeconds."""
MAX_KOPF_SHUTDOWN_SECONDS = 8.0
"""The longest time from the end of a part of Kopf, or from the last Event, to the end of the process."""
IDENTITY: Any = "dpojob-operator"


@kopf.on.login()
async def _login(memo: Handlers, **arguments: Any) -> kopf.AiohttpSession | None:
    return await login(memo, **arguments)


@kopf.on.event(GROUP, VERSION, "dpojobs")
@kopf.on.event(GROUP, VERSION, "gpupools")
@kopf.on.event(GROUP, VERSION, "costquotas")
@kopf.on.event("batch", "v1", "jobs")
@kopf.on.event("", "v1", "pods")
@kopf.on.event("", "v1", "persistentvolumeclaims")
async def _watched(**_: Any) -> None:
    """Makes Kopf watch these kinds; it is not called, because the session takes all objects."""


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False  # Events are written by kube/events.py
    settings.scanning.disabled = True  # the resync finds the objects of a CRD installed later
    settings.watching.inactivity_timeout = 70
    settings.watching.server_timeout = 300
    settings.watching.chunk_size = MIN_PAGE
    managed = ",".join(f"{name}={value}" for name, value in MANAGED.items())
    settings.watching.label_selectors["batch", "v1", "jobs"] = managed
    settings.watching.label_selectors["", "v1", "pods"] = managed
    settings.process.ultimate_exiting_timeout = 30
    return settings


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stop)


def _stop(stop: asyncio.Event) -> None:
    """Begins the shutdown."""
    if not stop.is_set():
        stop.set()
        _limit_shutdown(stop, MAX_SHUTDOWN_SECONDS)


def _limit_shutdown(stop: asyncio.Event, seconds: float) -> None:
    """Ends the process after so many seconds, with the status of an end by signal once `stop` is set.

    A failing watch can hang Kopf's shutdown: watches that were cut off wait for credentials that nobody brings any
    more. An end at any moment loses nothing but Events that are not created yet.
    """
    last = threading.Timer(seconds, lambda: os._exit(_exit_status(stop)))
    last.daemon = True
    last.start()


def _exit_status(stop: asyncio.Event) -> int:
    """0 after a signal, whatever failed before it or since; else 1."""
    return 0 if stop.is_set() else 1


async def _watch(
    handlers: Handlers, namespaces: tuple[str, ...], listed: asyncio.Event, stop: asyncio.Event
) -> None:
    """Runs Kopf once everything is listed, where its watches begin. Its tasks install signal handlers, which are
    replaced at once, so that an end by signal is distinguished from an end by failure."""
    await listed.wait()
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        settings=_kopf_settings(),
        # Without it Kopf looks up the user, whose name the image lacks. It is for peering only.
        identity=IDENTITY,
        memo=handlers,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )
    _on_signals(stop)

    def ended(_: object) -> None:
        if not stop.is_set():
            _limit_shutdown(stop, MAX_KOPF_SHUTDOWN_SECONDS)

    for task in tasks:
        task.add_done_callback(ended)
    await kopf.run_tasks(tasks, ignored=before)


async def run(settings: Settings, clock: Clock | None) -> int:
    """Runs until a signal (status 0) or until a part ends (status 1); None: the API server's clock."""
    stop = asyncio.Event()
    _on_signals(stop)
    try:
        async with ApiClient(settings.request_seconds) as cluster:
            components = build_components(cluster, settings, clock or cluster.server_clock)
            elected = asyncio.Event()

            async def operate() -> None:
                elected.set()
                LEADERSHIP.leads = True
                listed = components.resync.listed
                watches = _watch(components.handlers, settings.namespaces, listed, stop)
                await run_until_first_exit(watches, *(part() for part in components.parts))

            async def record_events() -> None:
                try:
                    await components.record_events()
                finally:
                    _limit_shutdown(stop, MAX_KOPF_SHUTDOWN_SECONDS)

            await run_until_first_exit(
                stop.wait(),
                serve_probes(
                    settings.http_port,
                    healthy=lambda: not elected.is_set() or components.resync.healthy,
                    ready=lambda: not elected.is_set() or components.resync.ready,
                ),
                run_as_leader(cluster, settings, operate),
                record_events(),
            )
    except Exception:
        log.exception("a part of the operator failed; the process ends")
    else:
        if not stop.is_set():
            log.error("a part of the operator ended; the process ends")
    return _exit_status(stop)


def main(clock: Clock | None = None) -> None:
    """Runs the operator process; `clock` is that of decisions, by default the API server's."""
    try:
        settings = load()
    except SettingsError as error:
        print(f"dpojob-operator: {error}", file=sys.stderr)
        sys.exit(2)
    kopf.configure(
        debug=settings.verbose,
        log_format=kopf.LogFormat.JSON if settings.log_format == "json" else kopf.LogFormat.FULL,
    )
    # Kopf logs every event it delivers, which is useful only for debugging.
    logging.getLogger("kopf.objects").setLevel(
        logging.DEBUG if settings.verbose else logging.WARNING
    )
    collect_seldom()
    sys.exit(asyncio.run(run(settings, clock)))
