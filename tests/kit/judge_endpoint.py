"""An OpenAI-compatible endpoint on this machine, which replies as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

Reply = Callable[[Any], Any]
"""From the material (prompt, answer_a, answer_b) to the model's text, or to (status, body).

With `messages=True` of `judge_endpoint`, from all messages of the request instead.
"""


@dataclass
class JudgeEndpoint:
    """What was asked, and where."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def judge_endpoint(
    reply: Reply, *, usage: dict[str, int] | None = None, messages: bool = False
) -> Iterator[JudgeEndpoint]:
    """Serves until the block ends; `usage` is what each response says of its tokens."""
    found = JudgeEndpoint()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                found.bodies.append(body)
                found.headers.append(dict(self.headers))
            assert self.path == "/v1/chat/completions"
            asked = body["messages"]
            answered = reply(asked if messages else json.loads(asked[-1]["content"]))
            status, content = answered if isinstance(answered, tuple) else (200, None)
            if content is None:
                message = {"role": "assistant", "content": answered}
                content = {"choices": [{"message": message}], **({"usage": usage} if usage else {})}
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        found.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def endless_headers() -> Iterator[str]:
    """An endpoint whose response is a header without an end, a byte now and then; its address."""
    ended = threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
            with suppress(OSError):
                while not ended.wait(0.02):
                    self.request.sendall(b"a")

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
