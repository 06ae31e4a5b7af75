"""A judge behind an API: both orders, limits and errors."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.judge_endpoint import Reply, endless_headers, judge_endpoint

from dpojob_api.spec import JudgeEndpoint
from dpojob_trainer.training.evaluation import judges
from dpojob_trainer.training.evaluation.judges import Comparison, JudgeError
from dpojob_trainer.training.evaluation.judges import endpoint_client as client
from dpojob_trainer.training.evaluation.judges.endpoint import EndpointJudge, _key
from dpojob_trainer.training.evaluation.judges.endpoint_client import Limits
from dpojob_trainer.training.evaluation.judges.pairwise_prompt import (
    VERSION,
    instructions,
    read_preference,
)

SECRET = "sk-very-secret-0123456789"
FAST = 100_000
"""Requests a minute."""
PAIRS = [Comparison(f"question {n}", f"before {n}", f"tuned {n}") for n in range(6)]


@pytest.fixture(autouse=True)
def short_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Where replies are kept.
    monkeypatch.setattr(client, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.02)
    monkeypatch.delenv("DPOJOB_SCRATCH", raising=False)


def make(
    url: str,
    *,
    cost: str | None = None,
    seconds: float = math.inf,
    kept: Path = Path(),
    **spec: Any,
) -> EndpointJudge:
    wanted = {"url": url, "model": "big", "requestsPerMinute": FAST, **spec}
    limits = Limits(time.monotonic() + seconds, None if cost is None else Decimal(cost))
    return EndpointJudge(JudgeEndpoint.model_validate(wanted), SECRET, limits, kept)


def prefers(word: str) -> Reply:
    """A judge that prefers the answer with a word in it, whatever its place."""
    return lambda asked: "A" if word in asked["answer_a"] else "B"


def test_it_is_asked_in_both_orders_with_the_key_as_a_header() -> None:
    with judge_endpoint(
        prefers("tuned"), usage={"prompt_tokens": 50, "completion_tokens": 1}
    ) as server:
        judge = make(server.url, inputPrice="2", outputPrice="10")
        assert judge.compare(PAIRS) == [(0.0, 1.0)] * 6
    assert len(server.bodies) == 12
    orders = {b["messages"][1]["content"].index("before") < b["messages"][1]["content"].index("tuned")
              for b in server.bodies}  # fmt: skip
    assert orders == {True, False}
    assert {h["Authorization"] for h in server.headers} == {f"Bearer {SECRET}"}
    assert all(b["messages"][0]["content"] == instructions() for b in server.bodies)
    usage = judge.usage
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (12, 600, 12)
    assert usage.cost == pytest.approx((600 * 2 + 12 * 10) / 1e6)
    assert judge.contradictions == 0 and f"prompt version {VERSION}" in judge.name


def test_a_judge_that_always_says_a_changes_nothing() -> None:
    with judge_endpoint(lambda _: "A") as server:
        judge = make(server.url)
        assert judge.compare(PAIRS) == [(0.5, 0.5)] * 6
        assert judge.contradictions == 6


def test_ties_are_no_contradictions() -> None:
    with judge_endpoint(lambda asked: "TIE" if "before" in asked["answer_a"] else "A") as server:
        judge = make(server.url)
        assert judge.compare(PAIRS) == [(0.5, 0.5)] * 6
        assert judge.contradictions == 0


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A", "A"), (" b.\n", "B"), ("**Tie**", "TIE"), ("[[A]]", "A"), ("<think>B? no</think>\nA", "A"),
        ("A is better", None), ("I prefer A", None), ("", None), (None, None), (["A"], None), ("AB", None),
        ("The answer is B", None), ("C", None), ("A or B", None),
    ],
)  # fmt: skip
def test_only_one_of_the_words_is_a_preference(reply: Any, expected: str | None) -> None:
    assert read_preference(reply) == expected


@pytest.mark.parametrize(
    "content", ["maybe A", (200, b"<html>no</html>"), (200, b"[]"), (200, {"choices": []}), None]
)
def test_what_cannot_be_read_is_no_score(content: Any) -> None:
    with judge_endpoint(lambda _: content) as server:
        judge = make(server.url)
        assert judge.compare(PAIRS) == [(None, None)] * 6
        assert judge.usage.requests == 12


def test_a_busy_server_is_asked_again() -> None:
    failures = iter([(429, b"slow down"), (503, b""), (500, b"")])
    with judge_endpoint(lambda asked: next(failures, prefers("tuned")(asked))) as server:
        assert make(server.url).compare(PAIRS) == [(0.0, 1.0)] * 6
    assert len(server.bodies) == 15


def test_a_refusal_ends_at_once_and_shows_no_key() -> None:
    refused = pytest.raises(JudgeError, match=r"127\.0\.0\.1 answers 401: wrong key")
    reply = (401, f"wrong key: Bearer {SECRET}".encode())
    with judge_endpoint(lambda _: reply) as server, refused as caught:
        make(server.url).compare(PAIRS[:1])
    assert len(server.bodies) == 1
    assert SECRET not in str(caught.value) and "[key]" in str(caught.value)


def test_a_server_that_is_away_or_fails_for_ever_is_an_error() -> None:
    with judge_endpoint(lambda _: (502, b"bad gateway")) as server:
        with pytest.raises(JudgeError, match="answers 502"):
            make(server.url).compare(PAIRS[:1])
        gone = server.url
    with pytest.raises(JudgeError, match="cannot be reached"):
        make(gone).compare(PAIRS[:1])
    assert len(server.bodies) == client.TRIES


def test_a_last_request_that_the_deadline_cuts_short_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(_: dict[str, Any]) -> str:
        time.sleep(2)
        return "A"

    monkeypatch.setattr(client, "TRIES", 1)
    ended = pytest.raises(JudgeError, match=r"when evaluation\.maxDuration ended")
    with judge_endpoint(late) as server, ended:
        make(server.url, seconds=0.3).compare(PAIRS[:1])


def test_a_redirect_is_not_followed() -> None:
    refused = pytest.raises(JudgeError, match="answers 307")
    with judge_endpoint(lambda _: (307, b"elsewhere")) as server, refused:
        make(server.url).compare(PAIRS[:1])


def test_a_slow_judge_ends_with_the_time() -> None:
    def slow(_: dict[str, Any]) -> str:
        time.sleep(0.3)
        return "A"

    ended = pytest.raises(JudgeError, match=r"when evaluation\.maxDuration ended")
    with judge_endpoint(slow) as server, ended:
        make(server.url, seconds=0.5, requestsPerMinute=60).compare(PAIRS)
    assert len(server.bodies) < 12


def test_headers_that_never_end_end_with_the_time() -> None:
    ended = pytest.raises(JudgeError, match=r"when evaluation\.maxDuration ended")
    with endless_headers() as url, ended:
        make(url, seconds=0.5).compare(PAIRS[:1])


def test_requests_are_no_more_frequent_than_allowed() -> None:
    waits: list[float] = []
    with judge_endpoint(prefers("tuned")) as server:
        judge = make(server.url, requestsPerMinute=6000)
        start = time.monotonic()
        judge.compare(PAIRS)
        waits.append(time.monotonic() - start)
    assert waits[0] >= 11 * 60 / 6000


def test_it_costs_no_more_than_is_left() -> None:
    usage = {"prompt_tokens": 100_000, "completion_tokens": 10}
    with judge_endpoint(prefers("tuned"), usage=usage) as server:
        judge = make(server.url, cost="0.35", inputPrice="1", outputPrice="1")
        with pytest.raises(JudgeError, match=r"budget\.maxCost leaves 0\.35"):
            judge.compare(PAIRS * 4)
    # At most the requests that were in flight when the limit was reached exceed it.
    assert judge.usage.requests <= 3 + 8
    with judge_endpoint(prefers("tuned")) as server:
        with pytest.raises(JudgeError, match=r"budget\.maxCost leaves 0\.00"):
            make(server.url, cost="0", inputPrice="1").compare(PAIRS)
        assert server.bodies == []
        assert make(server.url, cost="0").compare(PAIRS) == [(0.0, 1.0)] * 6


def test_an_interrupted_judge_asks_nothing_twice(tmp_path: Path) -> None:
    """Its usage is that of both attempts, and counts against the budget."""
    usage = {"prompt_tokens": 50, "completion_tokens": 1}
    replies = iter(["A", "not a preference", "B", (401, b"key revoked")])
    prices = {"inputPrice": "1000", "outputPrice": "0"}
    with judge_endpoint(
        lambda asked: next(replies, prefers("tuned")(asked)), usage=usage
    ) as server:
        first = make(server.url, kept=tmp_path, **prices)
        with pytest.raises(JudgeError, match="401"):
            first.compare(PAIRS)
        asked = len(server.bodies) - 1
        assert first.usage.requests == asked >= 3
        with (tmp_path / "replies.jsonl").open("a") as torn:
            torn.write('{"asked": "0')
        second = make(server.url, kept=tmp_path, **prices)
        scores = second.compare(PAIRS)
        assert len(server.bodies) == 12 + 1
        assert second.usage.requests == 12 and second.usage.cost == pytest.approx(12 * 0.05)
        # The reply that could not be read is kept as well.
        assert scores.count((None, None)) == 1
        third = make(server.url, kept=tmp_path, cost="0.60", **prices)
        assert third.compare(PAIRS) == scores
        with pytest.raises(JudgeError, match=r"has cost 0\.60 after 12 requests"):
            third.compare([Comparison("new", "before", "tuned")])
        assert len(server.bodies) == 13
        # Another model is asked about everything.
        make(server.url, kept=tmp_path, model="other").compare(PAIRS)
        assert len(server.bodies) == 13 + 12


def test_two_equal_answers_tie_without_a_question() -> None:
    with judge_endpoint(lambda _: "A") as server:
        judge = make(server.url)
        assert judge.compare([Comparison("question", "same", "same")]) == [(0.5, 0.5)]
        assert judge.contradictions == 0 and server.bodies == []


def test_tokens_are_estimated_where_they_are_not_counted() -> None:
    with judge_endpoint(prefers("tuned")) as server:
        judge = make(server.url)
        judge.compare(PAIRS)
    assert judge.usage.input_tokens > 12 * 100 and judge.usage.output_tokens == 12


@pytest.fixture
def in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DPOJOB_SCRATCH", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.mark.usefixtures("in_a_pod")
def test_a_private_address_needs_the_installations_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    with judge_endpoint(prefers("tuned")) as server:
        with pytest.raises(JudgeError, match=r"evaluation\.allowPrivateEndpoints"):
            make(server.url).compare(PAIRS)
        assert server.bodies == []
        monkeypatch.setenv("DPOJOB_ALLOW_PRIVATE_ENDPOINTS", "127.0.0.1")
        assert make(server.url).compare(PAIRS) == [(0.0, 1.0)] * 6


def test_the_key_is_read_from_a_file(tmp_path: Path) -> None:
    spec = JudgeEndpoint.model_validate(
        {"url": "https://x.example/v1", "model": "m", "secret": {"name": "judge", "key": "api"}}
    )
    path = tmp_path / "key"
    for content in (None, "", "\n", "two\nlines"):
        if content is not None:
            path.write_text(content, encoding="utf-8")
        with pytest.raises(JudgeError, match="Secret judge has no key api"):
            _key(spec, path)
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    assert _key(spec, path) == SECRET


def test_each_line_of_the_prompt_has_a_reason() -> None:
    text = (files(judges) / f"pairwise_prompt_v{VERSION}.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    assert found["version"] == VERSION
    assert all(entry["line"] and len(entry["reason"]) > 20 for entry in found["lines"])
    assert len(instructions().splitlines()) == len(found["lines"])
