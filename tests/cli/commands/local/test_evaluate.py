"""`dpojob evaluate`: two models compared on this machine, without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.kit import tiny_models
from tests.kit.cli.command_runner import run
from tests.kit.cli.local_job import job
from tests.kit.tiny_models import write_task

from dpojob.commands.local.evaluate import exit_status
from dpojob_api.evaluation import Evaluation

MAPPING = {"prompt": "question", "chosen": "good_response", "rejected": "bad_response"}
JUDGE = """
import json, sys
for line in sys.stdin:
    print(len(json.loads(line)["answer"]))
"""


@pytest.fixture(scope="module")
def claim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("claim")
    tiny_models.make_model(root / "model", teach_steps=0)
    tiny_models.make_rude_model(root / "tuned", root / "model")
    tiny_models.write_jsonl(root / "pairs.jsonl", tiny_models.make_pairs(200, 3))
    (root / "judge.py").write_text(JUDGE, encoding="utf-8")
    write_task(root)
    manifest = job(
        {"volume": {"claimName": "data", "path": "model"}},
        {
            "volume": {"claimName": "data", "path": "pairs.jsonl"},
            "columnMapping": MAPPING,
            "eval": {"fraction": 0.4},
        },
        evaluation={
            "prompts": {"max": 24},
            "judge": {"program": {"volume": {"claimName": "data", "path": "judge.py"}}},
            "tasks": [
                {
                    "name": "manners",
                    "volume": {"claimName": "data", "path": "manners.yaml"},
                    "limit": 30,
                }
            ],
        },
    )
    (root / "job.yaml").write_text(manifest, encoding="utf-8")
    return root


@pytest.mark.train
def test_two_models_are_compared_without_training(claim: Path) -> None:
    options = ["-f", claim / "job.yaml", "--volume", f"data={claim}", "--tuned", claim / "tuned"]
    result = run("evaluate", *options, "--json")
    found = result.json
    assert found["wins"] + found["ties"] + found["losses"] == found["prompts"] == 24, result.err
    assert found["judge"] == "program judge.py" and found["klPerToken"] > 0
    (task,) = found["tasks"]
    assert task["name"] == "manners" and task["difference"]["n"] == task["limit"] == 30, task
    # The tuned model was taught the answers that the task calls wrong.
    assert task["difference"]["high"] < 0 and task["pValue"] < 0.05, task
    assert "Task manners went from" in found["message"] and "worse than before" in found["message"]
    verdict = Evaluation.model_validate(found)
    assert verdict.verdict in ("TaskRegressed", "NotBetter")
    assert result.code == exit_status(verdict) == 1
    lines = (claim / "tuned" / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 24 and json.loads(lines[0])["after"]["tokens"] >= 0


def test_a_missing_tuned_model_is_reported_before_anything_is_read(claim: Path) -> None:
    options = ["-f", claim / "job.yaml", "--volume", f"data={claim}"]
    result = run("evaluate", *options)
    assert result.code == 2 and "--tuned" in result.err
    result = run("evaluate", *options, "--tuned", claim)
    assert result.code == 2 and "holds no model" in result.err


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"verdict": "BetterThanBase"}, 0),
        ({}, 0),
        ({"verdict": "NotBetter"}, 1),
        ({"verdict": "Inconclusive"}, 1),
        ({"verdict": "LongerOnly"}, 1),
        ({"verdict": "NotEvaluated"}, 2),
        ({"note": "Figures are missing: …"}, 2),
    ],
)
def test_the_exit_status_follows_the_verdict(document: dict[str, str], code: int) -> None:
    assert exit_status(Evaluation.model_validate(document)) == code
