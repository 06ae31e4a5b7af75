"""Other sites in the user's own Chromium, where the user is signed in: none reaches the page, by whatever name."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.kit.cli.command_runner import UNREACHABLE
from tests.kit.ui import chromium, new_context, page_server
from tests.kit.waiting import LIMIT

pytestmark = (
    pytest.mark.cluster
)  # It needs no cluster, but Chromium, as the page's tests on a cluster do.

ATTACKER = "attacker.example"
RESOLVER_RULES = f"--host-resolver-rules=MAP {ATTACKER} 127.0.0.1"
"""A name of the attacker's that leads to this machine, as after DNS rebinding."""
REBOUND = "this server answers to its loopback address only"
REFUSED = "requests of other sites are refused"

REACH = """async own => {
    const load = (tag, attribute, path) => new Promise(resolve => {
        const element = document.createElement(tag);
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        element[attribute] = own + path;
        document.body.append(element);
    });
    const listen = path => new Promise(resolve => {
        const stream = new EventSource(own + path, {withCredentials: true});
        stream.onmessage = event => resolve(event.data);
        stream.onerror = () => resolve("refused");
    });
    const read = (path, options) => fetch(own + path, {credentials: "include", ...options})
        .then(answer => answer.text(), () => "refused");
    return {
        fetch: await read("/streams/overview"),
        opaque: await read("/streams/overview", {mode: "no-cors"}),
        post: await read("/", {method: "POST", mode: "no-cors", body: "x"}),
        stream: await listen("/streams/overview"),
        script: await load("script", "src", "/static/main.js"),
        image: await load("img", "src", "/static/icon.svg"),
    };
}"""
"""What a script of another site tries, and what it gets to see of each."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that `dpojob ui` prints, for a cluster that is down."""
    path = tmp_path_factory.mktemp("user") / "config"
    path.write_text(UNREACHABLE)
    with page_server({**os.environ, "KUBECONFIG": str(path)}) as printed:
        yield printed


@pytest.fixture(scope="module")
def own(address: str) -> str:
    """The page's origin."""
    return f"http://{urlsplit(address).netloc}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for which the attacker's name leads to this machine."""
    with chromium(RESOLVER_RULES) as launched:
        yield launched


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another site</title><body>")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def other_port() -> Iterator[int]:
    """The port of another site on this machine, such as one that another user serves."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def signed_in(browser: Browser, address: str, own: str) -> Iterator[BrowserContext]:
    """The user's browser, with the page open; the page still reads its streams at the end."""
    context = new_context(browser)
    page = context.new_page()
    page.goto(address)
    expect(page.get_by_text("does not answer")).to_be_visible()
    yield context
    assert page.evaluate("fetch('/streams/overview').then(answer => answer.status)") == 200
    assert [cookie["sameSite"] for cookie in context.cookies(own)] == ["Strict"]
    context.close()


class OwnAnswers:
    """The statuses with which the page's server answers requests of a tab, from now on.

    They come from Chromium's network service: the page does not get the status of an answer that it may not see.
    The service reports them later than the page learns that it may not, and a request's address before or after its
    status.
    """

    def __init__(self, page: Page, own: str) -> None:
        self._page, self._own = page, own
        self._addresses: dict[str, str] = {}
        self._statuses: dict[str, int] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._add_address)
        session.on("Network.responseReceivedExtraInfo", self._add_status)
        session.send("Network.enable")

    def _add_address(self, event: dict[str, Any]) -> None:
        self._addresses[event["requestId"]] = event["request"]["url"]

    def _add_status(self, event: dict[str, Any]) -> None:
        self._statuses[event["requestId"]] = event["statusCode"]

    def first(self, count: int) -> list[int]:
        """Waits for a number of answers, and returns the statuses of all that came, sorted."""
        deadline = time.monotonic() + LIMIT
        while len(found := self._found()) < count:
            assert time.monotonic() < deadline, f"{count} answers are awaited; came: {found}"
            self._page.wait_for_timeout(20)  # Events are handed over only while Playwright waits.
        return found

    def _found(self) -> list[int]:
        return sorted(
            status
            for request, status in self._statuses.items()
            if self._addresses.get(request, "").startswith(self._own)
        )


@pytest.mark.parametrize("host", [ATTACKER, "127.0.0.1", "localhost"])
def test_a_script_of_another_site_reads_nothing_and_runs_nothing(
    signed_in: BrowserContext, own: str, other_port: int, host: str
) -> None:
    page = signed_in.new_page()
    answers = OwnAnswers(page, own)
    page.goto(f"http://{host}:{other_port}/")
    seen = page.evaluate(REACH, own)
    assert len(seen) == 6 and set(seen.values()) == {"refused"}, seen
    assert answers.first(6) == [403, 403, 403, 403, 403, 405]


@pytest.mark.parametrize("host", [ATTACKER, "127.0.0.1"])
def test_a_frame_or_a_link_of_another_site_shows_nothing(
    signed_in: BrowserContext, own: str, other_port: int, host: str
) -> None:
    page = signed_in.new_page()
    answers = OwnAnswers(page, own)
    page.goto(f"http://{host}:{other_port}/")
    page.evaluate(
        """own => new Promise(resolve => {
            const frame = document.createElement("iframe");
            frame.onload = resolve;
            frame.src = own;
            document.body.append(frame);
        })""",
        own,
    )
    assert answers.first(1) == [403]
    assert "DPOJobs" not in page.frames[1].content()
    page.evaluate("own => { location.href = own }", own)
    expect(page.locator("body")).to_have_text(REFUSED)


def test_a_name_that_was_rebound_to_this_machine_is_refused(
    signed_in: BrowserContext, address: str
) -> None:
    parts = urlsplit(address)
    rebound = f"http://{ATTACKER}:{parts.port}"
    page = signed_in.new_page()
    for path in ("/", f"/?{parts.query}", "/static/main.js"):
        answer = page.goto(rebound + path)
        assert answer is not None and answer.status == 421
        expect(page.locator("body")).to_have_text(REBOUND)
    # To the browser, the attacker's script and the page's server are one site now: it may read the answers.
    read = "path => fetch(path).then(async answer => [answer.status, await answer.text()])"
    for path in ("/", "/streams/overview", f"/?{parts.query}"):
        assert page.evaluate(read, path) == [421, f"{REBOUND}\n"]
    assert signed_in.cookies(rebound) == []
