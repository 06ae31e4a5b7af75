"""A program as the judge: one number a line, no secrets, and a message for every error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dpojob_trainer.training.evaluation.judges import Exchange, JudgeError
from dpojob_trainer.training.evaluation.judges.program import ProgramJudge

EXCHANGES = [Exchange("Where?", "here"), Exchange([{"role": "user", "content": "Wo?"}], "hier: ü")]


def judge(tmp_path: Path, text: str) -> ProgramJudge:
    path = tmp_path / "judge.py"
    path.write_text(text, encoding="utf-8")
    return ProgramJudge(path, tmp_path / "scratch")


LENGTHS = """
import json, sys
for line in sys.stdin:
    print(len(json.loads(line)["answer"]))
"""


def test_it_scores_each_answer(tmp_path: Path) -> None:
    assert judge(tmp_path, LENGTHS).scores(EXCHANGES) == [4.0, 7.0]


def test_a_line_that_is_no_number_is_no_score(tmp_path: Path) -> None:
    text = "print('A is better'); print('NaN')"
    assert judge(tmp_path, text).scores(EXCHANGES) == [None, None]
    assert judge(tmp_path, "print('null'); print('-1.5')").scores(EXCHANGES) == [None, -1.5]
    assert judge(tmp_path, "print('true'); print('1e999')").scores(EXCHANGES) == [None, None]


def test_it_sees_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    text = "import os\nfor _ in range(2): print(sum('secret' in v for v in os.environ.values()))"
    assert judge(tmp_path, text).scores(EXCHANGES) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('no rules')", "ended with status 1: ValueError: no rules"),
        ("print(1)", "wrote 1 lines for 2 answers"),
        ("import sys; sys.exit(3)", "ended with status 3: it wrote no message"),
    ],
)
def test_an_error_is_reported(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(JudgeError, match=message):
        judge(tmp_path, text).scores(EXCHANGES)


def test_a_slow_program_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpojob_trainer.training.evaluation.judges.program.SECONDS", 0.2)
    slow = judge(tmp_path, "import time; time.sleep(600)")
    with pytest.raises(JudgeError, match=r"took longer than [^:]*: score fewer prompts"):
        slow.scores(EXCHANGES)
    # What ends it otherwise is the evaluation's own limit, which the user can raise.
    slow = ProgramJudge(tmp_path / "judge.py", tmp_path / "scratch", time.monotonic())
    monkeypatch.undo()
    with pytest.raises(JudgeError, match=r"that evaluation\.maxDuration left: raise evaluation\."):
        slow.scores(EXCHANGES)


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="no file judge"):
        ProgramJudge(tmp_path / "judge.py", tmp_path)
