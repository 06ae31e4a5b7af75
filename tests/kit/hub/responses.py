"""Requests to the hub fixture, read and logged; faults injected; answers sent."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .state import OTHER_TOKEN, TOKEN, Fault, HubState, Request


def read(content: Path | bytes, start: int, end: int) -> bytes:
    """Bytes from `start` up to `end`, without reading the rest."""
    if isinstance(content, bytes):
        return content[start:end]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


class ErrorResponse(Exception):
    """Ends the handling of a request with an error status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class HubConversation(BaseHTTPRequestHandler):
    """One request, whatever it asks for."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> HubState:
        """The hub it serves."""
        raise NotImplementedError

    def _route(self) -> Any:
        """What answers the request, called once the hub's lock is released. May raise ErrorResponse."""
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing; `hub.requests` is the log."""

    def do_GET(self) -> None:
        """Reads."""
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        self.target = urlsplit(self.path)
        self.query = parse_qs(self.target.query)
        self.body = self._read_body()
        scheme, _, credential = self.headers.get("Authorization", "").partition(" ")
        self.token = credential if scheme == "Bearer" else None
        self.commit_header: str | None = None
        self.fault = self.hub.take_fault(f"{self.command} {self.path}")
        try:
            if self.fault is not None and self._break(self.fault):
                return
            if self.token not in (None, TOKEN, OTHER_TOKEN):
                raise ErrorResponse(401, "Invalid credentials in Authorization header")
            with self.hub.lock:
                reply = self._route()
            reply()
        except ErrorResponse as response:
            self._error(response)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _log(self, status: int) -> None:
        """Logs the request before its answer is sent: who has the answer finds the request in the log."""
        path, query = self.target.path, self.target.query
        asked = self.headers.get("Range")
        self.hub.requests.append(Request(self.command, path, query, self.token, asked, status))

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _break(self, fault: Fault) -> bool:
        if fault.hang:
            self._log(0)
            fault.released.wait()
            self.close_connection = True
            return True
        if fault.status is not None:
            code = "EntryNotFound" if fault.status == 404 else None
            raise ErrorResponse(fault.status, "asked for by the test", code)
        return False

    def _bytes(self, location: Path, headers: dict[str, str]) -> Any:
        return lambda: self._send_range(location, headers)

    def _static(self, content: bytes | str) -> Any:
        if isinstance(content, str):
            return lambda: self._send(302, {"Location": content}, b"")
        return lambda: self._send_range(content, {})

    def _send_range(self, content: Path | bytes, headers: dict[str, str]) -> None:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"} | headers
        asked = self.headers.get("Range", "")
        start, end, status = 0, size - 1, 200
        if asked.startswith("bytes=") and "," not in asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, size - int(last))
            end = min(int(last), size - 1) if first and last else size - 1
            if start > end:
                return self._send(416, {"Content-Range": f"bytes */{size}"}, b"")
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
            status = 206
        return self._send(status, headers, read(content, start, end + 1))

    # Answers.

    @property
    def _origin(self) -> str:
        return f"http://{self.headers['Host']}"

    def _body(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            form = parse_qs(self.body.decode())
            return {k: v if k == "paths" else v[0] for k, v in form.items()}
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise ErrorResponse(400, f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise ErrorResponse(400, "the body is not a JSON object")
        return body

    def _json(self, value: Any) -> Any:
        return lambda: self._send_json(200, value)

    def _send_json(self, status: int, value: Any) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        self._send(status, headers, json.dumps(value).encode())

    def _error(self, response: ErrorResponse) -> None:
        headers = {"X-Error-Message": str(response), "Content-Type": "application/json"}
        if response.code is not None:
            headers["X-Error-Code"] = response.code
        if self.commit_header is not None:
            headers["X-Repo-Commit"] = self.commit_header
        self._send(response.status, headers, json.dumps({"error": str(response)}).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._log(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        cut = self.fault.cut_after if self.fault is not None else None
        if cut is not None:
            self.close_connection = True
            body = body[:cut]
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
