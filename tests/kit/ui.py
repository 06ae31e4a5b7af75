"""The page of `dpojob ui` as a process, and the browser that opens it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright

from .waiting import LIMIT

expect.set_options(timeout=LIMIT * 1000)


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
        process.wait(LIMIT)


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
            executable_path=path, args=["--no-sandbox", *arguments], timeout=LIMIT * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, viewport: ViewportSize | None = None) -> BrowserContext:
    """Makes a context, such as a user's window, whose pages wait as long as a test waits.

    Args:
        browser: The browser.
        viewport: The size of its pages in CSS pixels; Playwright's own where left out.

    Returns:
        The context, which whoever makes it closes, unless the browser ends before.
    """
    context = browser.new_context(viewport=viewport) if viewport else browser.new_context()
    context.set_default_timeout(LIMIT * 1000)
    return context
