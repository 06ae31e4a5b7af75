"""What `make demo` prints, with a stand-in for the cluster; the lines that the documentation shows are among it."""

from __future__ import annotations

import json
import re
import sys
from contextlib import nullcontext
from typing import Any

import pytest
from tests.kit.repository import ROOT

sys.path.insert(0, str(ROOT / "hack"))
import demo

PAGE = ROOT / "docs/start/one-machine.md"
BLOCK = re.compile(r"^\$ make demo\n(.*?)^```", re.MULTILINE | re.DOTALL)
STATUS: dict[str, Any] = {
    "conditions": [
        {"type": "Planned", "status": "True", "reason": "Fits", "message": "On pool t4-small."},
        {"type": "Complete", "status": "True", "reason": "Completed"},
    ],
    "plan": {"reasons": ["t4-small is the cheapest pool"]},
    "artifacts": {"claimName": "quickstart-output", "path": "tuned"},
    "progress": {"evalAccuracy": 0.97},
    "samples": [{"prompt": "Is it far?", "before": "No", "after": "No."}],
}
METRICS = [{"step": 5, "rewards/margins": 0.01}, {"step": 10}, {"step": 15, "rewards/margins": 1.5}]
PROGRESS = [
    "step 1 of 7: cluster; then images, chart, GPU, model and pairs, job, result",
    "step 2 of 7: images; then chart, GPU, model and pairs, job, result",
    "step 3 of 7: chart; then GPU, model and pairs, job, result",
    "step 4 of 7: GPU; then model and pairs, job, result",
    "step 5 of 7: model and pairs; then job, result",
    "step 6 of 7: job; then result",
    "kubectl apply -f examples/quickstart.yaml",
    "step 7 of 7: result",
]
RESULT = [
    "Plan",
    "  - t4-small is the cheapest pool",
    "Reward margin ▁█",
    "  0.010 at step 5 -> 1.500 at step 15",
    "  held-out reward accuracy: 0.970 (0.5 is chance)",
    "Q Is it far?",
    "  before: No",
    "  after:  No.",
    "Model  claim quickstart-output, /tuned/",
    "Report claim quickstart-output, /tuned/report.html",
    "         on this machine: /claims/quickstart-output/tuned/",
]


class Cluster:
    """A stand-in for kubectl and for the pod by which files on a claim are read."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.status = status

    def __call__(self, *arguments: str, **_: Any) -> str:
        if arguments[:2] == ("get", "dpojob"):
            return json.dumps({"status": self.status})
        return "NAME PHASE" if arguments[:2] == ("get", "dpo") else ""

    def attempt(self, *arguments: str) -> None:
        """Nothing is there to be deleted."""

    def read(self, path: str) -> bytes:
        assert path == "tuned/metrics.jsonl"
        return "\n".join(map(json.dumps, METRICS)).encode()


def run_demo(
    status: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[str]]:
    """The exit status, and the lines printed without the time before each."""
    cluster = Cluster(status)
    images = {"inspect": demo.images.IMAGES["inspect"]}
    monkeypatch.setattr(demo, "Kubectl", lambda: cluster)
    monkeypatch.setattr(demo, "PVCPod", lambda *_: nullcontext(cluster))
    monkeypatch.setattr(demo, "devcluster", lambda *_, **__: "")
    monkeypatch.setattr(demo.images, "built_meanwhile", nullcontext)
    monkeypatch.setattr(demo.images, "ensure", lambda: images)
    monkeypatch.setattr(demo, "claim_directory", lambda _, claim: f"/claims/{claim}")
    monkeypatch.setattr(demo.console, "_width", 120)
    for step in ("install", "add_fake_gpu", "put_inputs", "demo_data", "follow"):
        monkeypatch.setattr(demo, step, lambda *_: None)
    code = demo.main()
    lines = [re.sub(r"^\[ *\d+:\d\d\] ", "", line) for line in capsys.readouterr().out.splitlines()]
    return code, lines


def test_the_steps_and_the_result_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = run_demo(STATUS, monkeypatch, capsys)
    assert code == 0
    assert lines[: len(PROGRESS)] == PROGRESS
    table = lines.index("Plan")
    assert lines[len(PROGRESS) : len(PROGRESS) + 2] == ["", "NAME PHASE"]
    assert any("Fits" in line and "On pool t4-small." in line for line in lines[:table])
    assert lines[table:] == [*RESULT, "done. `make down` stops the cluster"]


def test_what_the_documentation_shows_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines = run_demo(STATUS, monkeypatch, capsys)
    shown = [line for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines()]
    assert shown
    assert [line for line in shown if not any(line in each for each in lines)] == []


def test_a_job_that_does_not_complete_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {"type": "Failed", "status": "True", "reason": "OutOfMemory"}
    code, lines = run_demo({"conditions": [failed]}, monkeypatch, capsys)
    assert code == 1
    assert lines[-1] == "the job did not end as it should: 'kubectl describe dpo' says why"
