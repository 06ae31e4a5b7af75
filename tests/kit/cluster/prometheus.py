"""Debian's Prometheus as a process, and what the chart asks it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.kit.ports import free_port
from tests.kit.repository import ROOT

FILES = ROOT / "charts/dpojob/files"
VARIABLES = {
    "$__rate_interval": "30s", "$__range": "1h", "$namespace": ".*", "$pool": ".*", "$name": ".*",
}  # fmt: skip
"""What Grafana replaces in the queries of a dashboard where everything is chosen."""


def rules() -> list[dict[str, Any]]:
    """The rules of all groups of the chart."""
    document = yaml.safe_load((FILES / "rules.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[tuple[str, str]]:
    """Dashboard and panel as one name, and each query with its variables replaced."""
    found = []
    for path in sorted((FILES / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"]
                for name, value in VARIABLES.items():
                    query = query.replace(name, value)
                found.append((f"{path.stem}: {panel['title']} {target['refId']}", query))
    return found


def metric_names(query: str) -> set[str]:
    """The operator's metrics that a query reads, without the suffixes of a histogram's series."""
    names = re.findall(r"(?<![:\w])dpojob_\w+", re.sub(r'"[^"]*"', "", query))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def promtool(*arguments: str, text: str | None = None) -> None:
    """Runs promtool, with a text as its input; its objections are those of an AssertionError."""
    program = shutil.which("promtool")
    assert program, "promtool is missing: run hack/testing/packages"
    command = [program, *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A server that answers queries."""

    def __init__(self, address: str) -> None:
        self._address = address

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query; empty too while the server does not answer yet."""
        arguments = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self._address}/api/v1/query?{arguments}") as answer:
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            if error.code == 503:  # the server is starting
                return []
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        except OSError:
            return []


@contextmanager
def running(targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """Scrapes the targets (host:port) each second, and evaluates the chart's rules each second."""
    program = shutil.which("prometheus")
    assert program, "prometheus is missing: run hack/testing/packages"
    document = yaml.safe_load((FILES / "rules.yaml").read_text())
    for group in document["groups"]:
        group["interval"] = "1s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(document))
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            # As the ServiceMonitor of the chart has it.
            {"job_name": "dpojob", "honor_labels": True, "static_configs": [{"targets": [*targets]}]}
        ],
    }  # fmt: skip
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    listen = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                program, f"--config.file={folder}/prometheus.yaml",
                f"--storage.tsdb.path={folder}/prometheus", f"--web.listen-address={listen}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield Prometheus(f"http://{listen}")
    finally:
        process.terminate()
        process.wait(60)
