"""`dpojob ui` as a process: its address, its end, and a cluster that does not answer."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, expect
from tests.kit.cli.command_runner import COMMAND, UNREACHABLE, run
from tests.kit.ui import new_context

REFUSED = "the API server http://127.0.0.1:1 does not answer"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """With a kubeconfig of a cluster that is down, and without kubectl."""
    path = tmp_path / "config"
    path.write_text(UNREACHABLE)
    return {**os.environ, "KUBECONFIG": str(path), "PATH": str(tmp_path)}


def test_the_page_says_that_the_cluster_does_not_answer_and_ends_by_ctrl_c(
    environment: dict[str, str],
) -> None:
    process = subprocess.Popen(
        [COMMAND, "ui", "--no-browser"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:") and "/?token=" in address
    with httpx2.Client(base_url=address.partition("/?")[0], timeout=None) as client:
        assert client.get(address).status_code == 303
        assert "DPOJobs" in client.get("/").text
        with client.stream("GET", "/streams/overview") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                view = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if view.get("problems"):
                    break
    assert (
        view["problems"][0].startswith(REFUSED) and view["jobs"] == [] and view["loaded"] is False
    )
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.cluster  # It needs no cluster, but Chromium, as the page's tests on a cluster do.
def test_the_browser_signs_in_by_a_private_file_and_its_arguments_hold_no_secret(
    environment: dict[str, str], tmp_path: Path, browser: Browser
) -> None:
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    opener = tmp_path / "opener"
    opener.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(opened)!r}, 'w').write(sys.argv[1])\n"
    )
    opener.chmod(0o700)
    process = subprocess.Popen(
        [COMMAND, "ui"], env={**environment, "BROWSER": f"{opener} %s"},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address, _, token = process.stdout.readline().strip().partition("?token=")
    argument = opened.read_text()
    assert token and token not in argument
    file = Path(urlsplit(argument).path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    context = new_context(browser)
    page = context.new_page()
    page.goto(argument, wait_until="commit")
    page.wait_for_url(address)
    expect(page.locator("body")).to_contain_text(REFUSED)
    again = context.new_page()
    again.goto(f"{address}?token={token}")
    assert again.url == address and "DPOJobs" in again.title()
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    assert not file.parent.exists()


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_number_that_is_no_port_is_refused(environment: dict[str, str], port: str) -> None:
    result = run("ui", "--no-browser", "--port", port, env=environment)
    assert result.code == 2 and "0<=x<=65535" in result.err


def test_a_port_that_is_taken_is_named(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = run("ui", "--no-browser", "--port", port, env=environment)
    assert result.code == 2
    assert f"port {port}: Address already in use" in result.err


def test_without_a_cluster_the_command_says_so(tmp_path: Path) -> None:
    result = run("ui", "--no-browser", env={"KUBECONFIG": str(tmp_path / "none")})
    assert result.code == 2 and "no cluster is configured" in result.err


def test_no_other_command_imports_the_server() -> None:
    code = "import sys, dpojob.command_line, dpojob.commands.cluster.status; print('starlette' in sys.modules, 'uvicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
