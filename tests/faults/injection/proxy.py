"""A reverse proxy between one operator and the API server, where a run's fault happens.

Each run has a separate proxy. Requests for all namespaces are narrowed to the run's namespace, and
those for pools to the run's: each run sees a separate cluster, although hundreds share
one API server.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable

import aiohttp
from aiohttp import web
from tests.kit.api.client import LARGEST_LINE, AsyncApi
from tests.kit.api.paths import GPUPOOLS
from tests.kit.cluster import fake_kueue

from .error_responses import status_body
from .fault_types import ANSWERS, CRASHES, Fault, kind_of, may_be_answered_stale
from .request_log import Entry, Log
from .watch_proxy import WatchStream

LABEL_RUN = "faults.dpojob.dev/run"
"""On pools: the run they belong to."""
WHILE_SECONDS = 4.0
"""How long `500-while` lasts."""
HANG_SECONDS = 12.0
"""How long a time-out keeps the connection; longer than the operator waits."""
LATE_SECONDS = 6.0
"""How late a look at a Job is; the operator of such a run waits much longer for the answer (runs.py)."""
NARROWED = re.compile(
    r"^(/apis/dpojob\.dev/v1alpha1|/apis/batch/v1|/api/v1)/(dpojobs|costquotas|jobs|pods|persistentvolumeclaims)$"
)
PROGRESS = re.compile(r"/namespaces/([^/]+)/pods/http:([^/:]+):\d+/proxy/progress$")


class Proxy:
    """Listens on a free port of the loopback address."""

    def __init__(
        self,
        api: AsyncApi,
        namespace: str,
        log: Log,
        fault: Fault | None,
        *,
        kill: Callable[[], None],
        progress: Callable[[str], str | None],
        replica: int = 0,
    ) -> None:
        self._api, self._namespace, self.log, self._fault = api, namespace, log, fault
        self._kill, self._progress, self._replica = kill, progress, replica
        self.fired: float | None = None
        """When the fault happened, on the monotonic clock."""
        self.partitioned = False
        """True: nothing is answered, as if the network were gone."""
        self.silent_namespaces: set[str] = set()
        """Pods there accept requests and never answer."""
        self.failures: list[str] = []
        """What went wrong in the proxy itself: a fault of the harness."""
        self._failing_until = 0.0
        self._lists: dict[str, bytes] = {}
        self._stale: set[str] = set()
        self._late = False

    async def start(self) -> str:
        """The address to give to the operator."""
        app = web.Application(client_max_size=LARGEST_LINE)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def withdraw_fault(self) -> None:
        """A fault that has not happened yet never happens."""
        if self.fired is None:
            self._fault = None

    async def stop(self) -> None:
        """Ends the server."""
        await self._runner.cleanup()

    # -- one request ------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        watching = request.query.get("watch") in ("1", "true", "True")
        kind = kind_of(request.method, request.path, watching)
        # What a process sent before it was killed may be read when the next one runs. The naive operator sends none.
        token = request.headers.get("Authorization", "Bearer 0").removeprefix("Bearer ")
        agent = request.headers.get("User-Agent", "")
        entry = self.log.add(kind, request.path, int(token), self._replica, agent)
        try:
            return await self._answer(request, entry)
        except (aiohttp.ClientError, ConnectionError):
            return self._abort(request)  # one of the two sides is gone
        except Exception as error:
            self.failures.append(f"{request.method} {request.path}: {error!r}")
            raise
        finally:
            entry.ended = time.monotonic()

    async def _answer(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        kind, body = entry.kind, await request.read()
        if kind.writes and body:
            entry.body = json.loads(body)
        await self._reachable()
        action = self._action(entry)
        if action == "crash-before":
            self._kill()
            return self._abort(request)
        if action in ANSWERS:
            return self._synthetic_answer(int(action[:3]), entry)
        if action == "timeout-before":
            return await self._hang(request)
        if action == "reset-before":
            return self._abort(request)
        if action in ("http-410", "http-500"):
            return self._synthetic_answer(int(action[-3:]), entry)
        if (found := PROGRESS.search(request.path)) is not None:
            if found[1] in self.silent_namespaces:
                return await self._hang(request)
            return self._progress_answer(found[2], entry)
        if kind.verb == "watch":
            return await self._watch(request, entry)
        if kind.resource == "discovery" and not action:
            return await self._discover(request, entry)
        return await self._forward(request, entry, body, action)

    async def _reachable(self) -> None:
        while self.partitioned:
            await asyncio.sleep(0.05)

    def _action(self, entry: Entry) -> str:
        """What happens to this request as a whole; empty: nothing."""
        fault = self._fault
        if fault is None:
            return ""
        at = fault.at
        if fault.action == "500-while" and self.fired is not None and at.kind == entry.kind:
            return "500-while" if time.monotonic() < self._failing_until else ""
        if self.fired is not None or at.event:
            return ""
        here = entry.write == at.nth if at.kind is None else entry.nth == at.nth
        if not here or at.kind not in (None, entry.kind):
            return ""
        self.fired = time.monotonic()
        self._failing_until = self.fired + WHILE_SECONDS
        if fault.action == "crash-stale":
            self._stale = set(self._lists)
        self._late = fault.action == "crash-late"
        return fault.action

    def _abort(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(HANG_SECONDS)
        return self._abort(request)

    def _synthetic_answer(self, code: int, entry: Entry) -> web.Response:
        entry.answered = code
        headers = {"Retry-After": "1"} if code == 429 else {}
        return web.json_response(status_body(code), status=code, headers=headers)

    def _progress_answer(self, pod: str, entry: Entry) -> web.Response:
        text = self._progress(pod)
        entry.answered = entry.status = 404 if text is None else 200
        return web.Response(text=text or "", status=entry.answered, content_type="application/json")

    async def _discover(self, request: web.Request, entry: Entry) -> web.Response:
        """What the API server serves: asked once for all runs, since it does not change."""
        if request.path not in self._api.discovery:
            async with self._api.session.get(self._api.server + request.path) as answer:
                data = await answer.read()
                if answer.status != 200:
                    entry.answered = entry.status = answer.status
                    return web.Response(body=data, status=answer.status)
                self._api.discovery[request.path] = data
        entry.answered = entry.status = 200
        body = self._api.discovery[request.path]
        return web.Response(body=body, content_type="application/json")

    # -- forwarding -------------------------------------------------------------------------

    def _address(self, request: web.Request) -> tuple[str, list[tuple[str, str]]]:
        path, query = request.path, list(request.query.items())
        if (found := NARROWED.match(path)) is not None:
            path = f"{found[1]}/namespaces/{self._namespace}/{found[2]}"
        elif path == GPUPOOLS:
            query = [(k, v) for k, v in query if k != "labelSelector"]
            query.append(("labelSelector", f"{LABEL_RUN}={self._namespace}"))
        return self._api.server + path, query

    async def _forward(
        self, request: web.Request, entry: Entry, body: bytes, action: str
    ) -> web.StreamResponse:
        if self._late and str(entry.kind) == "get jobs":
            self._late = False
            await asyncio.sleep(LATE_SECONDS)
        if str(entry.kind) == "create jobs":
            body = fake_kueue.suspended_at_creation(body)
        url, query = self._address(request)
        stale = f"{request.path}?{sorted(q for q in query if q[0] not in ('limit', 'continue'))}"
        may_be_stale = may_be_answered_stale(entry.kind, request.path)
        if may_be_stale and stale in self._stale:
            self._stale.discard(stale)
            entry.answered = 200
            return web.Response(body=self._lists[stale], content_type="application/json")
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        headers |= {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._api.session.request(
            request.method, url, params=query, data=body or None, headers=headers
        ) as answer:
            data = await answer.read()
            entry.status = answer.status
        await self._reachable()
        if may_be_stale and entry.status == 200:
            self._lists.setdefault(stale, data)
        if action in CRASHES:
            self._kill()
            return self._abort(request)
        if action == "timeout-after":
            return await self._hang(request)
        if action == "reset-after":
            return self._abort(request)
        if action == "cut":
            return await self._cut(request, entry.status, data)
        if request.transport is None or request.transport.is_closing():
            return web.Response(status=500)  # the operator did not wait so long
        entry.answered = entry.status
        return web.Response(body=data, status=entry.status, content_type="application/json")

    async def _cut(self, request: web.Request, status: int, data: bytes) -> web.StreamResponse:
        half = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        half.content_length = len(data)
        await half.prepare(request)
        await half.write(data[: len(data) // 2])
        if request.transport is not None:
            request.transport.close()
        return half

    # -- watches ----------------------------------------------------------------------------

    def _on_stream(self, entry: Entry) -> Fault | None:
        fault = self._fault
        if fault is None or fault.at.event == 0 or self.fired is not None:
            return None
        return fault if fault.at.kind == entry.kind and fault.at.nth == entry.nth else None

    async def _watch(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        url, query = self._address(request)
        out = web.StreamResponse(headers={"Content-Type": "application/json"})
        async with self._api.session.get(url, params=query) as stream:
            entry.status = entry.answered = stream.status
            if stream.status != 200:
                data = await stream.read()
                return web.Response(body=data, status=stream.status)
            await out.prepare(request)
            altered = WatchStream(
                out, entry, self._reachable, self._on_stream(entry), self._mark_fired
            )
            await altered.forward_events(stream)
        return out

    def _mark_fired(self) -> None:
        self.fired = time.monotonic()
