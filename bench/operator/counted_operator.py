"""The operator's process with one more metric, of its asyncio tasks: `python -m bench.operator.counted_operator`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dpojob_operator.main import main

TASKS = "bench_asyncio_tasks"


class Tasks(Collector):
    """Counted by the event loop that answers the scrape; none before the loop runs."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            count = len(asyncio.all_tasks())
        except RuntimeError:
            count = 0
        yield GaugeMetricFamily(TASKS, "Tasks of the event loop.", value=count)


if __name__ == "__main__":
    REGISTRY.register(Tasks())
    main()
