"""Tasks of evaluation.tasks are looked at before a GPU is asked for; they never fail the job."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from nltk.downloader import Downloader
from tests.kit.tiny_models import write_task
from tests.kit.waiting import LIMIT

from dpojob_trainer.inspection.model import benchmark_tasks

ROWS = [{"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(30)]


def warnings_of(volume: Any, *tasks: dict[str, Any]) -> list[str]:
    report = volume.rows(ROWS).inspect(None, evaluation={"tasks": list(tasks)})
    assert report.valid
    return [p.message for p in report.warnings if str(p.code) == "UnusableTask"]


def own(path: str, claim: str = "data") -> dict[str, Any]:
    return {"name": "mine", "volume": {"claimName": claim, "path": path}}


def test_tasks_that_exist_pass(volume) -> None:
    write_task(volume.root)
    assert warnings_of(volume, {"name": "hellaswag"}, {"name": "mmlu"}, own("manners.yaml")) == []


def test_a_task_that_does_not_exist_is_named_with_the_nearest(volume) -> None:
    first, second = warnings_of(volume, {"name": "ifevl"}, {"name": "zzzzzz"})
    assert "ifevl" in first and "did you mean ifeval?" in first and "Improved" in first
    assert "did you mean" not in second and "name its volume" in second


def test_code_in_a_file_is_for_pods_of_installations_that_allow_it(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(volume.root, process_docs="helpers.first")
    (message,) = warnings_of(volume, own("manners.yaml"))
    assert "process_docs" in message and "evaluation.allowPrograms" in message
    monkeypatch.setenv("DPOJOB_ALLOW_PROGRAMS", "true")
    assert warnings_of(volume, own("manners.yaml")) == []
    monkeypatch.delenv("DPOJOB_ALLOW_PROGRAMS")
    monkeypatch.delenv("DPOJOB_SCRATCH")
    assert warnings_of(volume, own("manners.yaml")) == []


def test_a_task_of_the_harness_that_needs_more_than_its_dataset_is_named(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, unsafe = warnings_of(volume, {"name": "squadv2"}, {"name": "mbpp"})
    assert "squadv2: it computes a metric by a program of the hub" in program
    assert "evaluation.allowPrograms" in program and "Improved will stay Unknown" in program
    assert "mbpp: it runs code that the model writes" in unsafe
    monkeypatch.setenv("DPOJOB_ALLOW_PROGRAMS", "true")
    assert warnings_of(volume, {"name": "squadv2"}) == []


@pytest.mark.parametrize(
    ("status", "cause"), [(200, None), (403, "status 403"), (None, "ConnectError")]
)
def test_data_beside_the_hub_that_cannot_be_reached_are_named_before_a_gpu_is_asked_for(
    volume, monkeypatch: pytest.MonkeyPatch, status: int | None, cause: str | None
) -> None:
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(status or 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing to standard error."""

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), Answers)
    url = f"http://127.0.0.1:{server.server_port}/index.xml"
    monkeypatch.setattr(benchmark_tasks, "NLTK_INDEX", url)
    monkeypatch.setattr(benchmark_tasks, "NLTK_SECONDS", LIMIT)
    thread = Thread(target=server.serve_forever)
    if status is None:
        server.server_close()
    else:
        thread.start()
    try:
        found = warnings_of(volume, {"name": "ifeval"}, {"name": "leaderboard"}, {"name": "mmlu"})
    finally:
        if status is not None:
            server.shutdown()
            server.server_close()
            thread.join()
    # Both tasks need them, and they are looked for once.
    assert asked == ([] if status is None else ["/index.xml"])
    assert len(found) == (0 if cause is None else 2)
    for message, name in zip(found, ("ifeval", "leaderboard"), strict=False):
        assert f"{name}: it downloads data of NLTK from GitHub" in message
        assert f"cannot reach ({cause})" in message and "/usr/share/nltk_data" in message
        assert "Without them, the condition Improved will stay Unknown" in message


def test_nltk_looks_there_for_its_data() -> None:
    assert Downloader.DEFAULT_URL == benchmark_tasks.NLTK_INDEX


def test_a_missing_file_and_a_missing_claim_are_warnings(volume) -> None:
    (message,) = warnings_of(volume, own("none.yaml"))
    assert "none.yaml: No such file" in message
    (message,) = warnings_of(volume, own("none.yaml", claim="elsewhere"))
    assert "claim elsewhere is not mounted" in message
