"""docs/performance.md: one section for each command, each replaced when its command runs again."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

HEAD = """# Performance of the operator

Written by `bench/operator`; do not edit. Each section holds what the command above it printed. `make bench` runs all
of them but the soak.

Every turn has a control plane of its own on the machine that is named with each table: etcd, API server,
kube-controller-manager at 500 requests per second, scheduler, all as plain processes (`devcluster`), with an empty
database. Controllers are processes too, each with a service account, with leader election. A job's time is that
from the request that creates it to the moment at which a watch shows its Pod object; the pods fit no node and
stay pending, as in a sweep that is larger than its cluster, unless a section says otherwise. Processor time is
counted until the whole control plane is quiet again.

* **bare Jobs**: `batch/v1` Jobs, created by the user.
* **Kubeflow Trainer**: TrainJobs of one node by the runtime `torch-distributed` of its module, with JobSet, both built
  from the Go module proxy and configured as their manifests are; "500 QPS" raises the client limit of both to 500
  (Trainer's own is 50, JobSet's 500). Certificates are given as files, no webhook is registered, and the runtime
  holds the fields that JobSet's webhook would set, so that the peer is spared the time of its webhooks. For each job it makes
  more objects: a JobSet, a ConfigMap and a headless Service, for jobs of several nodes; it does not look at
  datasets, models, GPUs or outputs.
* **DPOJob**: this operator with its default settings. The jobs are a sweep over pinned commits on an existing
  claim, whose inspection the first job made, so that no hub is asked. For each job it does more: it finds the shared inspection report, plans
  GPU pool, method, batch and cost, holds the output directory's lock, writes the plan and the name of the
  Job into the status before it creates it, and writes Events.
"""
ORDER = ("Comparison", "Requests and bytes", "Scale", "Fleet", "Soak")
"""Titles of the sections."""
LOADED = 0.25
"""Load average per processor, before a command, above which other programs are at work."""
LOADED_SENTENCE = (
    "Other programs used the machine during this run: its ratios mean something, its times do not."
)


def machine(load: float | None = None) -> str:
    """Processors and load of this machine now, or with a load that was read before."""
    before = os.getloadavg()[0] if load is None else load
    return f"{os.cpu_count()} processors, load average {before:.1f} before the run"


def is_loaded(load: float) -> bool:
    """Whether other programs use the machine."""
    return load > LOADED * (os.cpu_count() or 1)


def section(command: str, load: float, lines: Sequence[str]) -> list[str]:
    """The body of a section: command, machine, and what was printed."""
    warning = [LOADED_SENTENCE, ""] if is_loaded(load) else []
    return [f"`{command}`, {machine(load)}.", "", *warning, *lines]


def write(path: Path, title: str, body: Sequence[str]) -> None:
    """Replaces one section of the page, and keeps the others."""
    text = path.read_text() if path.exists() else ""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    sections = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    sections[title] = "\n".join(body).strip()
    pages = [HEAD.strip()]
    pages += [f"## {name}\n\n{sections[name]}" for name in ORDER if name in sections]
    path.write_text("\n\n".join(pages) + "\n")
