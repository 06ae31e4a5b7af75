"""GET /progress and GET /metrics, from a thread of the first process."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dpojob_api.constants import PROGRESS_PORT, TRAINING_METRIC_PREFIX
from dpojob_trainer.training.setup.progress import ProgressRecorder

log = logging.getLogger(__name__)
GIB = 2.0**30
METRICS = {
    "step": (f"{TRAINING_METRIC_PREFIX}step", "Optimizer steps done."),
    "max_steps": (f"{TRAINING_METRIC_PREFIX}max_steps", "Optimizer steps in all."),
    "steps_per_second": (
        f"{TRAINING_METRIC_PREFIX}steps_per_second",
        "Optimizer steps per second.",
    ),
    "eta_seconds": (f"{TRAINING_METRIC_PREFIX}eta_seconds", "Seconds until the last step."),
    "tokens": (f"{TRAINING_METRIC_PREFIX}tokens", "Tokens trained on."),
    "peak_memory_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_memory_bytes",
        "Peak GPU memory of tensors per GPU, bytes.",
    ),
    "peak_reserved_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_reserved_memory_bytes",
        "Peak GPU memory held by torch per GPU, bytes.",
    ),
    "peak_used_gib": (
        f"{TRAINING_METRIC_PREFIX}peak_used_memory_bytes",
        "Peak GPU memory in use as the driver counts it per GPU, bytes.",
    ),
}
"""Fields of Progress with a metric each: its name and help text."""


class _ProgressCollector(Collector):
    """Reads the progress whenever it is scraped."""

    def __init__(self, recorder: ProgressRecorder) -> None:
        self._recorder = recorder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        progress = self._recorder.read()
        for field, (name, meaning) in METRICS.items():
            value = getattr(progress, field)
            if value is not None:
                factor = GIB if field.endswith("_gib") else 1
                yield GaugeMetricFamily(name, meaning, value=float(value) * factor)
        yield GaugeMetricFamily(
            f"{TRAINING_METRIC_PREFIX}healthy",
            "1 while no health guard objects, else 0.",
            value=float(progress.health.healthy),
        )
        figures = GaugeMetricFamily(
            f"{TRAINING_METRIC_PREFIX}figure",
            "The newest value TRL logged, by its name.",
            labels=["name"],
        )
        for name, value in sorted(self._recorder.metrics().items()):
            if math.isfinite(value):
                figures.add_metric([name], value)
        yield figures


@contextmanager
def serve_progress(recorder: ProgressRecorder, port: int = PROGRESS_PORT) -> Iterator[int]:
    """Serve while the block runs; yields the port, 0 where it is in use, which does not end training."""
    registry = CollectorRegistry()
    registry.register(_ProgressCollector(recorder))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/progress":
                self._answer(200, "application/json", recorder.json())
            elif self.path == "/metrics":
                self._answer(200, "text/plain; version=0.0.4", generate_latest(registry))
            else:
                self._answer(404, "text/plain", b"/progress or /metrics\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Do not log requests."""

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except OSError as error:
        log.warning("progress is not served on port %d: %s", port, error)
        yield 0
        return
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="progress", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
