"""Writes the pictures of docs/ui.md: the page of `dpojob ui` with made-up jobs, in headless Chromium.

.venv/bin/python hack/generators/pictures/ui_pictures.py
"""

from __future__ import annotations

import asyncio
import io
import math
import random
import shutil
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from dpojob.page import Page
from dpojob.page.curves import Curve
from dpojob.page.job_store import JobStore

PICTURES = Path(__file__).parents[3] / "docs/pictures"
MAX_BYTES = 150_000
STEPS = 400
COLORS = 96
"""The colors of a picture's palette."""
SENTENCE = "Start with a small program that solves a problem of yours, and read one chapter a day."


class StillFeed:
    """A feed without a cluster: made-up jobs that stay as they are."""

    scope: list[str] | None = None

    def __init__(self, store: JobStore) -> None:
        fill(store)

    async def run(self) -> None:
        """Does nothing."""
        await asyncio.Event().wait()

    def following(self, keys: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[None]:
        """Does nothing."""
        return nullcontext()


def metadata(name: str, namespace: str, hour: int) -> dict[str, Any]:
    """Gives the metadata of a job that was created at an hour."""
    return {
        "name": name, "namespace": namespace, "uid": name,
        "creationTimestamp": f"2026-11-28T{hour:02}:00:00Z",
    }  # fmt: skip


def condition(kind: str, reason: str, message: str, status: str = "True") -> dict[str, str]:
    """A condition of a status."""
    return {"type": kind, "status": status, "reason": reason, "message": message}


def plan(pool: str, method: str, cost: str) -> dict[str, Any]:
    """A plan on that pool."""
    parts = {"weights": 3.1, "activations": 6.4, "logits": 2.2, "optimizer": 1.9, "adapter": 0.3}
    return {
        "pool": pool, "gpuModel": pool.split("-")[0].upper(), "gpus": 1, "method": method,
        "precision": "bf16", "perDeviceBatchSize": 4, "gradientAccumulation": 2,
        "memoryGiB": {"needed": 13.9, "available": 21.8, "margin": 1.7, "parts": parts},
        "estimate": {"hours": 3.4, "cost": cost}, "reasons": [f"{pool} is the cheapest pool that fits."],
        "considered": [{"pool": "t4-small", "verdict": "tooSmall", "reason": "needs 13.9 GiB, has 14.6 less the margin"}],
    }  # fmt: skip


def figures(step: int, noise: random.Random, beta: float) -> dict[str, float]:
    """What a training logs at a step."""
    done = step / STEPS
    margin = 2.2 * (1 - math.exp(-3 * done)) * (1.3 - beta) + noise.gauss(0, 0.06)
    loss = 0.69 * math.exp(-1.6 * done * (1.2 - beta)) + noise.gauss(0, 0.012)
    found = {
        "loss": loss,
        "margin": margin,
        "accuracy": min(1.0, 0.5 + 0.42 * (1 - math.exp(-4 * done)) + noise.gauss(0, 0.03)),
    }
    found |= {
        "chosen_logps": -140 - 18 * done + noise.gauss(0, 1),
        "rejected_logps": -150 - 60 * done + noise.gauss(0, 2),
    }
    found |= {"grad_norm": 1.4 + noise.random(), "learning_rate": 5e-6 * (1 - done)}
    if step % 40 == 0:
        found |= {
            "eval_loss": loss + 0.03,
            "eval_margin": margin * 0.9,
            "eval_accuracy": 0.52 + 0.34 * (1 - math.exp(-4 * done)),
        }
    return found


def put(
    store: JobStore,
    name: str,
    namespace: str,
    hour: int,
    spec: dict[str, Any],
    status: dict[str, Any],
) -> None:
    """Adds a job."""
    base = {
        "model": {"repo": "Qwen/Qwen2.5-1.5B-Instruct"},
        "dataset": {"repo": "my-org/preference-data"},
    }
    item = {"metadata": metadata(name, namespace, hour), "spec": base | spec, "status": status}
    store.put_job({"apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", **item})


def trained(
    store: JobStore, name: str, namespace: str, hour: int, last: int, beta: float, pool: str
) -> None:
    """A job that trains, or has trained to its end."""
    noise, curve = random.Random(name), []
    for step in range(4, last + 1, 4):
        curve.append((step, figures(step, noise, beta)))
    newest: dict[str, float] = {}
    for _, each in curve:
        newest |= each
    names = {"eval_loss": "evalLoss", "eval_margin": "evalMargin", "eval_accuracy": "evalAccuracy"}
    progress = {
        names.get(key, key): value
        for key, value in newest.items()
        if "_" not in key or key in names
    }
    spent = f"{3.4 * last / STEPS * (2.5 if pool == 'a10g-large' else 1):.2f}"
    complete = last == STEPS
    ended = condition("Complete", "Completed", "The model and its report are in place.")
    running = condition("Ready", "Training", f"Step {last} of {STEPS}.", "False")
    put(store, name, namespace, hour, {"training": {"beta": beta}, "budget": {"maxCost": "12.00"}}, {
        "phase": "Complete" if complete else "Training",
        "conditions": [ended if complete else running, condition("DatasetValid", "ValidWithWarnings", "12,859 rows were checked.")],
        "dataset": {
            "valid": True, "rows": 12859, "trainRows": 12602, "evalRows": 257, "preset": "orca",
            "problems": [{"code": "LengthBias", "severity": "warning", "message": "chosen is the longer answer in 71% of the pairs."}],
            "quality": {"duplicateRows": 12, "chosenLongerShare": 0.71, "truncatedShare": 0.02},
        },
        "plan": plan(pool, "lora", "8.50"),
        "progress": {"stage": "Training", "step": last, "maxSteps": STEPS, "epoch": last / STEPS, **progress,
                     "etaSeconds": (STEPS - last) * 30, "peakReservedGiB": 13.2},
        "attempts": [{"number": 1, "job": {"name": name}, "pool": pool, "gpus": 1, "gpuSeconds": float(spent) * 3600, "hourlyPrice": "1"}],
        "cost": {"soFar": spent, "estimate": "8.50", "currency": "USD"},
        "samples": [{"prompt": "How do I learn Python?", "before": "Python is a programming language created in 1991.", "after": SENTENCE}],
    })  # fmt: skip
    store.curves[name] = whole = Curve()
    for step, each in curve:
        whole.add(step, each)


def fill(store: JobStore) -> None:
    """The jobs, the pools and the events of all pictures."""
    trained(store, "helpful-qwen", "team-a", 9, 248, 0.1, "a10g-large")
    trained(store, "helpful-strict", "team-a", 7, STEPS, 0.3, "a10g-large")
    trained(store, "tone-of-voice", "team-b", 8, 132, 0.2, "t4-medium")
    queued = {"phase": "Queued", "plan": plan("a10g-large", "qlora", "6.20"),
              "conditions": [condition("Ready", "Queued", "a10g-large has no free GPU.", "False")]}  # fmt: skip
    put(store, "support-answers", "team-b", 10, {}, queued)
    waiting = {"phase": "Waiting", "conditions": [condition("Ready", "WaitingForJob", "DPOJob helpful-qwen has not finished yet.", "False")]}  # fmt: skip
    put(
        store,
        "second-round",
        "team-a",
        10,
        {"model": {"fromJob": {"name": "helpful-qwen"}}},
        waiting,
    )
    message = (
        "columns chosen and rejected are missing. Write columnMapping: {chosen: good_response}"
    )
    put(store, "legal-tone", "team-b", 6, {}, {"phase": "Failed", "conditions": [condition("Failed", "DatasetInvalid", message)]})  # fmt: skip
    for name, price, free in (("a10g-large", "2.50", 0), ("t4-medium", "1.00", 2)):
        store.put_pool({
            "metadata": {"name": name}, "spec": {"gpu": {"model": name.split("-")[0].upper(), "memoryGiB": 24}, "hourlyPrice": price},
            "status": {"nodes": 3, "gpus": 3, "free": free},
        })  # fmt: skip
    for number, reason, text in (
        (1, "Fits", "a10g-large, lora"),
        (2, "Training", "Training has begun."),
    ):
        store.put_event({"metadata": {"uid": str(number)}, "involvedObject": {"uid": "helpful-qwen"}, "type": "Normal",
                         "reason": reason, "message": text, "lastTimestamp": f"2026-11-28T09:0{number}:00Z"})  # fmt: skip
    store.loaded.add("made-up jobs")


@contextmanager
def served() -> Iterator[str]:
    """The page's address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = JobStore()
        page = Page(StillFeed(store), store, listener.getsockname()[1])
        server = uvicorn.Server(
            uvicorn.Config(page.application(), log_level="warning", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield page.address
        server.should_exit = True
        thread.join()


@contextmanager
def chromium(command: str) -> Iterator[Browser]:
    """Starts Chromium without a window; ends the command, with what to install, where there is none."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit(f"{command}: chromium is not installed; hack/testing/packages installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def main() -> int:
    """Writes every picture; fails where one is too large."""
    PICTURES.mkdir(exist_ok=True)
    pair = "team-a/helpful-qwen/team-a/helpful-strict"
    views: list[tuple[str, str, int, int, Literal["light", "dark"]]] = [
        ("ui-jobs", "#/", 1200, 820, "light"), ("ui-job", "#/job/team-a/helpful-qwen", 1200, 1150, "light"),
        ("ui-comparison", f"#/compare/{pair}", 1200, 900, "dark"), ("ui-phone", "#/job/team-a/helpful-qwen", 360, 760, "dark"),
    ]  # fmt: skip
    with chromium("ui_pictures") as browser, served() as address:
        for name, path, width, height, theme in views:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(address)
            page.evaluate("path => { location.hash = path }", path)
            page.wait_for_selector("main h1")
            if path != "#/":
                page.wait_for_selector("canvas")
            write(PICTURES / f"{name}.png", page.screenshot())
            context.close()
    return 0


def write(path: Path, picture: bytes) -> None:
    """Writes a picture with a small palette."""
    image = (
        Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    )
    image.save(path, optimize=True)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{path.name} has {size} bytes, more than {MAX_BYTES}")
    print(f"{path.name}: {size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
