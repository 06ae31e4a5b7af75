"""A download has a limited time in all, however slowly a server sends."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest
from tests.kit.waiting import LIMIT

from dpojob_trainer.inspection.sources import deadline_network, download
from dpojob_trainer.shared.errors import InspectionError

SECONDS_PER_BYTE = 60.0
BYTES = 200
"""Sent by the server; the limit is reached after 60 of them."""
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
MORE_HEADERS = b"HTTP/1.1 200 OK\r\nX-Slow: "


class SlowServer:
    """Sends a byte at a time; on the client's clock each takes a minute, and closing a connection half an hour.

    The next byte is sent once the client has looked at its clock, so that nothing depends on real time.
    """

    def __init__(self, begin: bytes | None) -> None:
        """Take what is sent at once; None to close each connection after its request."""
        self.sent = self.connections = 0
        self._begin = begin
        self._now = 0.0
        self._looked = threading.Event()
        self._ended = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/rows.jsonl"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def monotonic(self) -> float:
        """The client's clock."""
        now = self._now
        self._looked.set()
        return now

    def __enter__(self) -> SlowServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._looked.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                connection.recv(65536)
                if self._begin is None:
                    self._now += 30 * 60
                else:
                    self._send_slowly(connection, self._begin)

    def _send_slowly(self, connection: socket.socket, begin: bytes) -> None:
        connection.sendall(begin)
        for _ in range(BYTES):
            self._looked.clear()
            if self._ended:
                return
            self._now += SECONDS_PER_BYTE
            try:
                connection.sendall(b"a")
            except OSError:
                return  # the client has ended the connection
            self.sent += 1
            if not self._looked.wait(LIMIT):
                return


def fetch(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads from the server, by the server's clock."""
    monkeypatch.setattr(deadline_network, "time", SimpleNamespace(monotonic=server.monotonic))
    with pytest.raises(InspectionError, match="was not received within 60 minutes"):
        download.open_urls([server.url], "train").fetch()


@pytest.mark.parametrize("begin", [HEADERS, MORE_HEADERS], ids=["body", "headers"])
def test_a_byte_now_and_then_does_not_prolong_a_download(
    begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SlowServer(begin) as server:
        fetch(server, monkeypatch)
    assert 50 < server.sent < BYTES / 2


def test_repeated_tries_share_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with SlowServer(None) as server:
        fetch(server, monkeypatch)
    assert server.connections == download.TRIES - 1
