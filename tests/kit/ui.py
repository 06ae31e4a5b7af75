"""The page of `dpojob ui` as a process, and the browser that opens it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def page_server(environment: Mapping[str, str], *options: str) -> Iterator[str]:
    """Runs `dpojob ui`.

    Args:
        environment: With KUBECONFIG, and kubectl on PATH.
        *options: Of the command.

    Yields:
        The address that it prints.
    """
    command = Path(sys.executable).parent / "dpojob"
    process = subprocess.Popen(
        [command, "ui", "--no-browser", *options],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Starts Debian's Chromium without a window.

    Args:
        *arguments: Further arguments of its command line.

    Yields:
        The browser.
    """
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "install Debian's chromium for this test"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()
