"""The memory that lists and watches of large objects take, in a process with the operator's clients."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.kit.repository import ROOT

FAT = "[" + ",".join(["[]"] * 200_000) + "]"
"""An argument of 0.6 MB, which takes 20 times its size once it is parsed."""
JOBS, WATCHED = 20, 5
MAX_MIB = 250
"""A page of a list, parsed as a whole, takes 300 MiB beside the 90 of the process itself."""
CLIENT = """
import asyncio, re, sys
from pathlib import Path
import aiohttp
from dpojob_operator.kube import MIN_PAGE, ApiClient
from dpojob_operator.kube.kopf_session import response_class
from dpojob_operator.kube.resources import DPOJOBS

listed = []

class Sink:
    def take_object(self, path, event, raw):
        listed.append(raw["metadata"]["name"])

    def take_list(self, path, uids, version):
        pass

    def pop_listed_version(self, path):
        return None

async def main():
    async with ApiClient() as client:
        await client.scan(DPOJOBS, "ns", None, lambda raw: listed.append(raw["metadata"]["name"]))
    async with aiohttp.ClientSession(response_class=response_class(Sink())) as session:
        async with session.get(f"{sys.argv[1]}{DPOJOBS.path('ns')}?limit={MIN_PAGE}") as page:
            await page.json()
        async with session.get(f"{sys.argv[1]}/watch?watch=true") as stream:
            events = [event async for event in stream.content.iter_chunked(2**20)]
    status = Path("/proc/self/status").read_text()
    print(len(listed) - len(events), len(events), int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1024)

asyncio.run(main())
"""


def fat_job(number: int) -> str:
    metadata = json.dumps(
        {"name": f"fat-{number}", "namespace": "ns", "uid": str(number), "resourceVersion": "1"}
    )
    return f'{{"metadata":{metadata},"spec":{{"training":{{"arguments":{{"a":{FAT}}}}}}}}}'


async def page(request: web.Request) -> web.Response:
    begin, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
    end = min(begin + limit, JOBS)
    items = ",".join(fat_job(number) for number in range(begin, end))
    following = json.dumps({"continue": str(end) if end < JOBS else ""})
    text = f'{{"items":[{items}],"metadata":{following}}}'
    return web.Response(text=text, content_type="application/json")


async def watch(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(WATCHED):
        event = f'{{"type":"ADDED","object":{fat_job(number)}}}\n'
        await response.write(event.encode())
    return response


async def test_large_jobs_are_listed_and_watched_in_bounded_memory(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_get("/watch", watch)
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        config: dict[str, Any] = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {}}],
        }
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(config))
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, url,
            env={**os.environ, "KUBECONFIG": str(kubeconfig)}, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await client.communicate()
    listed, events, peak = map(int, printed.split())
    assert (listed, events) == (2 * JOBS, WATCHED)
    print(f"peak resident memory: {peak} MiB")
    assert peak <= MAX_MIB, f"{peak} MiB"
