"""Only the browser that has the page's address reads the page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.page import Page
from dpojob.page.cluster_feed import ClusterFeed
from dpojob.page.job_store import JobStore
from dpojob.page.server import STATIC

PORT = 8765
OWN = f"http://127.0.0.1:{PORT}"
PATHS = ("/", "/static/main.js", "/streams/comparison", "/none")


@pytest.fixture
def page() -> Page:
    store = JobStore()
    api = Api(lambda: ClusterAccess("http://127.0.0.1:1", "team-a", None, {}))
    return Page(ClusterFeed(api, None, [], store), store, PORT)


@pytest.fixture
async def client(page: Page) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that was given the address, but has not opened it."""
    transport = httpx2.ASGITransport(app=page.application())
    async with httpx2.AsyncClient(transport=transport, base_url=OWN) as made:
        yield made


@pytest.fixture
async def signed_in(client: httpx2.AsyncClient, page: Page) -> httpx2.AsyncClient:
    await client.get("/", params={"token": page.token})
    return client


async def test_the_printed_address_signs_in_and_leaves_no_secret_in_the_address(
    client: httpx2.AsyncClient, page: Page
) -> None:
    assert page.address == f"{OWN}/?token={page.token}"
    answer = await client.get(page.address)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert (await client.get("/")).status_code == 200
    assert (await client.get("/static/main.js")).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", [None, "", "wrong", "ä"])
async def test_without_the_token_nothing_is_served(
    client: httpx2.AsyncClient, path: str, token: str | None
) -> None:
    answer = await client.get(path, params={} if token is None else {"token": token})
    assert answer.status_code == 403
    assert "dpojob ui" in answer.text


async def test_a_cookie_of_another_start_is_refused(client: httpx2.AsyncClient) -> None:
    client.cookies.set(f"dpojob-{PORT}", "of another start")
    assert (await client.get("/")).status_code == 403


async def test_the_cookie_is_another_secret_than_the_token(
    client: httpx2.AsyncClient, page: Page
) -> None:
    (cookie,) = (await client.get(page.address)).cookies.jar
    assert cookie.value and cookie.value != page.token
    client.cookies.clear()
    assert cookie.name == f"dpojob-{PORT}"
    client.cookies.set(cookie.name, page.token)
    assert (await client.get("/")).status_code == 403
    assert (await client.get("/", params={"token": cookie.value})).status_code == 403


FROM_FILE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}  # fmt: skip


async def test_a_local_file_leads_to_the_page_which_signs_in(
    client: httpx2.AsyncClient, page: Page
) -> None:
    for _ in range(2):
        answer = await client.get(page.address, headers=FROM_FILE)
        # A redirect of the server would be a request of another site, to which no strict cookie is sent.
        assert answer.status_code == 200 and 'content="0;url=/"' in answer.text
        assert page.token not in answer.text
        assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("wrong", FROM_FILE),
        ("", FROM_FILE),
        (None, FROM_FILE | {"sec-fetch-dest": "iframe"}),
        (None, FROM_FILE | {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}),
    ],
)
async def test_another_site_signs_in_by_no_other_request(
    signed_in: httpx2.AsyncClient, page: Page, token: str | None, headers: dict[str, str]
) -> None:
    params = {"token": page.token if token is None else token}
    assert (await signed_in.get("/", params=params, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "host",
    [f"attacker.example:{PORT}", "attacker.example", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1.example:{PORT}", f"[::1]:{PORT}", "0.0.0.0", ""],
)  # fmt: skip
async def test_another_host_name_is_refused_as_dns_rebinding_needs_one(
    signed_in: httpx2.AsyncClient, page: Page, host: str
) -> None:
    for path in (*PATHS, f"/?token={page.token}"):
        assert (await signed_in.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://attacker.example"},
        {"origin": f"http://localhost:{PORT + 1}"},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": "null"},
    ],
)
async def test_requests_of_other_sites_are_refused(
    signed_in: httpx2.AsyncClient, page: Page, headers: dict[str, str]
) -> None:
    for path in (*PATHS, f"/?token={page.token}"):
        assert (await signed_in.get(path, headers=headers)).status_code == 403


async def test_requests_of_the_page_itself_are_served(signed_in: httpx2.AsyncClient) -> None:
    headers = {"sec-fetch-site": "same-origin", "origin": OWN}
    assert (await signed_in.get("/", headers=headers)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_the_page_only_reads(signed_in: httpx2.AsyncClient, method: str) -> None:
    for path in PATHS:
        assert (await signed_in.request(method, path)).status_code == 405


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_policy(signed_in: httpx2.AsyncClient, path: str) -> None:
    answer = await signed_in.get(path)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


async def test_files_outside_the_page_are_not_served(signed_in: httpx2.AsyncClient) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"):
        assert (await signed_in.get(path)).status_code == 404


def test_the_page_has_no_inline_code_and_inserts_no_html() -> None:
    scripts = list(STATIC.glob("*.js"))
    assert len(scripts) > 5
    for file in scripts:
        text = file.read_text()
        for name in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "http://",
            "https://",
        ):
            assert name not in text, f"{file.name}: {name}"
    html = (STATIC / "index.html").read_text()
    assert " style=" not in html and " onclick" not in html and "<style" not in html
    assert html.count("<script") == html.count("<script src=")
