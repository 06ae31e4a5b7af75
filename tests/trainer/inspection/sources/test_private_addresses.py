"""`dataset.urls` reads from public addresses only, by redirects too, unless the installation allows more."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from tests.kit.hub.server import Hub

from dpojob_trainer.inspection.sources import download
from dpojob_trainer.inspection.sources.public_network import is_permitted, restrict_to_public
from dpojob_trainer.shared.errors import InspectionError

ALLOW = "DPOJOB_ALLOW_PRIVATE_URLS"
ROWS = b'{"prompt": "q", "chosen": "a", "rejected": "b"}\n'
SECRET = b"AccessKeyId"


@pytest.fixture
def hub(tmp_path) -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


def fetch(*urls: str) -> list[bytes]:
    return [
        file.path.read_bytes() for file in download.open_urls(list(urls), "train").fetch().files
    ]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::",
        "64:ff9b:1::a00:1", "fec0::1", "::127.0.0.1", "::10.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_permitted("example.org", address, [])


def test_public_addresses_and_those_of_the_installation_are_permitted() -> None:
    assert is_permitted("example.org", "93.184.216.34", [])
    assert is_permitted("example.org", "2606:2800:220:1::1", [])
    assert is_permitted("example.org", "10.20.3.4", ["files.internal", "10.20.0.0/16"])
    assert is_permitted("Files.Internal", "10.9.9.9", ["files.internal"])
    assert not is_permitted("example.org", "10.21.3.4", ["files.internal", "10.20.0.0/16"])


def test_a_refused_target_is_not_asked_and_nothing_of_it_is_shown(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW)
    with pytest.raises(InspectionError) as caught:
        fetch(hub.add_file("credentials.jsonl", SECRET))
    assert "inspect.allowPrivateUrls" in caught.value.message
    assert SECRET.decode() not in caught.value.message


def test_a_redirect_to_a_private_address_is_refused(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOW, "127.0.0.1/32")
    inner = hub.add_file("credentials.jsonl", SECRET).replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(InspectionError, match=r"127\.0\.0\.2 is at a private"):
        fetch(hub.add_redirect("moved.jsonl", inner))
    assert fetch(hub.add_file("rows.jsonl", ROWS)) == [ROWS]


def test_the_address_that_was_checked_is_the_one_connected_to(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to another address at each question, as in DNS rebinding."""
    resolve, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *rest: Any, **options: Any) -> Any:
        asked.append(host)
        name = host if host != "rebind.example" else "127.0.0.1"
        return resolve(name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = hub.add_file("rows.jsonl", ROWS).replace("127.0.0.1", "rebind.example")
    with httpx.Client(trust_env=False) as client:
        restrict_to_public(client, ["127.0.0.1"], OSError)
        assert client.get(url).content == ROWS
    assert asked == ["rebind.example", "127.0.0.1"]


def test_outside_a_pod_any_address_is_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW)
    monkeypatch.delenv("DPOJOB_SCRATCH")
    assert fetch(hub.add_file("laptop.jsonl", ROWS)) == [ROWS]


@pytest.mark.parametrize(
    ("limit", "phrase"), [("MAX_BYTES", "larger than"), ("MAX_SECONDS", "within")]
)
def test_bytes_and_time_are_bounded(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, limit: str, phrase: str
) -> None:
    monkeypatch.setattr(download, limit, -1)
    with pytest.raises(InspectionError, match=phrase):
        fetch(hub.add_file(f"{limit}.jsonl", json.dumps({"a": "b"}).encode()))
