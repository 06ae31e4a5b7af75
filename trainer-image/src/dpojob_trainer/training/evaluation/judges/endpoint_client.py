"""Requests to an OpenAI-compatible API: rate, retries, time, tokens and cost are limited."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2 as httpx

from dpojob_api.evaluation import JudgeUsage
from dpojob_api.shared_training_constants import JUDGE_REPLY_TOKENS
from dpojob_api.spec import JudgeEndpoint
from dpojob_trainer.inspection.sources.deadline_network import Deadline, limit_time
from dpojob_trainer.inspection.sources.public_network import restrict_to_public
from dpojob_trainer.shared.container_environment import ContainerEnvironment

from .judge import JudgeError

TRIES = 5
FIRST_WAIT = 1.0
"""Seconds before the second try; each further wait is twice as long."""
LONGEST_WAIT = 30.0
SECONDS = 120.0
"""The longest wait for a response, and between two chunks of it."""
CONNECT_SECONDS = 15.0
"""The longest wait for a connection."""
RETRIED = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
"""Statuses of a busy or failing server."""
MAX_REPLY_BYTES = 1 << 20
BYTES_PER_TOKEN = 3
"""The bytes by which tokens are estimated where the API does not count them; few languages have fewer."""
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Limits:
    """Where asking ends."""

    deadline: float
    """The time, by `time.monotonic`."""
    cost: Decimal | None
    """What may be spent; None for no limit."""


@dataclass(frozen=True)
class Reply:
    """What the model replied to one request."""

    text: Any
    """None where the response is no such object."""
    input_tokens: int
    output_tokens: int


class EndpointClient:
    """Asks one endpoint; threads may share it."""

    def __init__(
        self, spec: JudgeEndpoint, key: str | None, limits: Limits, usage: JudgeUsage
    ) -> None:
        """A client that sends `key`, which appears in no message of an error.

        `usage` is what earlier attempts asked, which counts against the limits too.
        """
        self._spec, self._key, self._limits = spec, key, limits
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._next = 0.0
        self._reserved = Decimal(0)
        self.usage = usage
        environment = ContainerEnvironment()
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(headers=headers)
        if environment.scratch is not None:
            # Outside a pod, the network is that of the user who runs the command.
            restrict_to_public(self._client, environment.private_endpoints, _private_address)
        # The timeouts of a request hold for one read each, and headers may never come to their end.
        left = limits.deadline - time.monotonic()
        limit_time(self._client, Deadline(left, self._time_error))

    def stop(self) -> None:
        """Send no further request; the reply of a request in flight is still received."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def reply(self, messages: list[dict[str, str]]) -> Reply:
        """Ask the model. Raises JudgeError where it does not answer, refuses, or a limit is reached."""
        body = {
            "model": self._spec.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": JUDGE_REPLY_TOKENS,
        }
        asked = sum(len(message["content"].encode()) for message in messages) // BYTES_PER_TOKEN
        reserved = self._reserve(asked)
        try:
            return self._reply(body, asked)
        finally:
            with self._lock:
                self._reserved -= reserved

    def _reply(self, body: dict[str, Any], asked: int) -> Reply:
        wait, failure = FIRST_WAIT, ""
        for tried in range(1, TRIES + 1):
            self._wait_for_turn()
            try:
                status, text, retry_after = self._post(body)
            except httpx.HTTPError as error:
                self._check_time()  # A request that the deadline cut short was no failure to reach it.
                failure = f"cannot be reached: {self._masked(str(error) or type(error).__name__)}"
            else:
                if status == 200:
                    return self._read(text, asked)
                failure = f"answers {status}: {self._masked(text)}"
                if status not in RETRIED:
                    break
                wait = min(max(wait, retry_after), LONGEST_WAIT)
            if tried < TRIES:
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
        raise JudgeError(f"evaluation.judge.endpoint {self._address} {failure}")

    @property
    def _address(self) -> str:
        return httpx.URL(self._spec.url).host

    def _post(self, body: dict[str, Any]) -> tuple[int, str, float]:
        """Status, text and wanted wait of the response."""
        url = f"{self._spec.url.rstrip('/')}/chat/completions"
        received = b""
        timeout = httpx.Timeout(SECONDS, connect=CONNECT_SECONDS)
        with self._client.stream("POST", url, json=body, timeout=timeout) as response:
            for chunk in response.iter_bytes():
                received += chunk
                if len(received) > MAX_REPLY_BYTES:
                    break
                self._check_time()
            after = response.headers.get("retry-after", "")
            wait = float(after) if after.isascii() and after.isdecimal() else 0.0
            return response.status_code, received.decode(errors="replace"), wait

    def _read(self, text: str, asked: int) -> Reply:
        """The reply in the response; its tokens are counted, by the API or else by its bytes."""
        try:
            found = json.loads(text)
            reply = found["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            found, reply = {}, None
        counts = found.get("usage") if isinstance(found, dict) else None
        counts = counts if isinstance(counts, dict) else {}
        written = len(reply.encode(errors="replace")) if isinstance(reply, str) else len(text)
        answer = Reply(
            reply,
            _tokens(counts.get("prompt_tokens"), asked),
            _tokens(counts.get("completion_tokens"), written // BYTES_PER_TOKEN + 1),
        )
        with self._lock:
            self.usage = add_usage(self._spec, self.usage, [answer])
        return answer

    def _cost(self, read: int, written: int) -> Decimal:
        return tokens_cost(self._spec, read, written)

    def _reserve(self, asked: int) -> Decimal:
        """The most that a request may cost, reserved. Raises JudgeError where that is more than is left."""
        limit, most = self._limits.cost, self._cost(asked, JUDGE_REPLY_TOKENS)
        with self._lock:
            usage = self.usage
            spent = self._cost(usage.input_tokens, usage.output_tokens) + self._reserved
            if limit is None or spent + most <= limit or not most:
                self._reserved += most
                return most
        raise JudgeError(
            f"evaluation.judge.endpoint has cost {usage.cost or 0:.2f} after {usage.requests} requests, and "
            f"budget.maxCost leaves {limit:.2f} for it: raise it, or lower evaluation.prompts.max"
        )

    def _check_time(self) -> None:
        if time.monotonic() > self._limits.deadline:
            raise self._time_error()

    def _time_error(self) -> JudgeError:
        return JudgeError(
            f"evaluation.judge.endpoint {self._address} had answered {self.usage.requests} requests when "
            "evaluation.maxDuration ended: raise it, or requestsPerMinute, or lower "
            "evaluation.prompts.max"
        )

    def _wait_for_turn(self) -> None:
        """Wait so long that requests are no more frequent than requestsPerMinute."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + 60.0 / self._spec.requests_per_minute
        self._sleep(start - now)

    def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline or a stop. Raises JudgeError there."""
        left = self._limits.deadline - time.monotonic()
        if seconds > 0:
            self._stopped.wait(max(0.0, min(seconds, left + 0.01)))
        if self._stopped.is_set():
            raise JudgeError("evaluation.judge.endpoint is asked nothing more")
        self._check_time()

    def _masked(self, text: str) -> str:
        """The text on one line, clipped and without the key, which a server may repeat."""
        clean = text if not self._key else text.replace(self._key, "[key]")
        return " ".join(clean.split())[:200]


def add_usage(spec: JudgeEndpoint, usage: JudgeUsage, replies: Sequence[Reply]) -> JudgeUsage:
    """`usage` with further replies, at the prices of `spec`."""
    read = usage.input_tokens + sum(reply.input_tokens for reply in replies)
    written = usage.output_tokens + sum(reply.output_tokens for reply in replies)
    return JudgeUsage(
        requests=usage.requests + len(replies),
        input_tokens=read,
        output_tokens=written,
        cost=float(tokens_cost(spec, read, written)),
    )


def tokens_cost(spec: JudgeEndpoint, read: int, written: int) -> Decimal:
    """The price of tokens that the judge reads and writes, in the installation's currency."""
    return (read * Decimal(spec.input_price) + written * Decimal(spec.output_price)) / MILLION


def _tokens(value: Any, estimate: int) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
    return value if is_count else estimate


def _private_address(host: str) -> JudgeError:
    return JudgeError(
        f"evaluation.judge.endpoint: {host} is at a private, loopback or link-local address, which this "
        "installation does not allow. Whoever runs it can allow the host in evaluation.allowPrivateEndpoints "
        "of the chart"
    )
