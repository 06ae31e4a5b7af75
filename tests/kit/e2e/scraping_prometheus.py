"""Debian's Prometheus beside the cluster, which scrapes the operator."""

import json
import subprocess
import urllib.parse
import urllib.request
from contextlib import contextmanager

import yaml
from tests.kit.ports import free_port
from tests.kit.waiting import LIMIT


@contextmanager
def scraping_prometheus(installed, scratch):
    """Debian's Prometheus, scraping the operator's pods through the API server, as from outside."""
    view = json.loads(installed.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    address = view["clusters"][0]["cluster"]["server"].removeprefix("https://")
    token = installed.kubectl(
        "create", "token", "prometheus", "-n", installed.demo.SYSTEM, "--duration=2h"
    ).strip() if installed.kubectl.attempt(
        "get", "sa", "prometheus", "-n", installed.demo.SYSTEM
    ).returncode == 0 else _make_scraper(installed)  # fmt: skip
    service = (
        f"/api/v1/namespaces/{installed.demo.SYSTEM}/services/dpojob-metrics:9090/proxy/metrics"
    )
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "dpojob", "scheme": "https", "metrics_path": service,
                "authorization": {"credentials": token}, "tls_config": {"insecure_skip_verify": True},
                "static_configs": [{"targets": [address]}],
            }
        ],
    }  # fmt: skip
    (scratch / "prometheus.yaml").write_text(yaml.safe_dump(config))
    listen = f"127.0.0.1:{free_port()}"
    with (scratch / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus", f"--config.file={scratch}/prometheus.yaml",
                f"--storage.tsdb.path={scratch}/prometheus", f"--web.listen-address={listen}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield f"http://{listen}"
    finally:
        process.terminate()
        process.wait(LIMIT)


def _make_scraper(installed):
    system = installed.demo.SYSTEM
    installed.kubectl("create", "serviceaccount", "prometheus", "-n", system)
    installed.kubectl(
        "create", "role", "prometheus", "-n", system, "--verb=get", "--resource=services/proxy"
    )
    installed.kubectl(
        "create", "rolebinding", "prometheus", "-n", system, "--role=prometheus",
        f"--serviceaccount={system}:prometheus",
    )  # fmt: skip
    return installed.kubectl("create", "token", "prometheus", "-n", system, "--duration=2h").strip()


def query(prometheus, expression):
    url = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(url, timeout=LIMIT) as answer:
        return json.load(answer)["data"]["result"]
