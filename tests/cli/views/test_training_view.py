"""The live view of training, and the outcome at its end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from dpojob.commands.local.train import resume_hint
from dpojob.views.training_view import TrainingDisplay, outcome_view, progress_view
from dpojob_api.progress import Artifacts, Health, Outcome, Progress, Sample


def shown(view: RenderableType) -> str:
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def test_figures_rows_and_bar_stand_together() -> None:
    rows = [Progress(step=n, max_steps=9, loss=0.7 - n / 100, margin=n / 10) for n in (1, 2)]
    now = Progress(stage="Training", step=3, max_steps=9, steps_per_second=2.5, eta_seconds=120)
    text = shown(progress_view(now, rows))
    for part in ("Training", "3/9", "2.50 steps/s", "2m left", "0.6900", "0.2000"):
        assert part in text, part


def test_trouble_is_seen_while_it_happens() -> None:
    ill = Health(healthy=False, reason="MarginFlat", message="the margin\x1b[2J does not rise")
    text = shown(progress_view(Progress(step=3, max_steps=9, health=ill), []))
    assert "MarginFlat" in text and "does not rise" in text
    assert "\x1b[2J" not in text


def test_without_a_terminal_every_logged_step_is_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with TrainingDisplay() as live:
        live.update(Progress(stage="LoadingModel"))
        live.update(Progress(stage="Training", step=1, max_steps=4, loss=0.69))
        live.update(Progress(stage="Training", step=2, max_steps=4, loss=0.69))
        live.update(Progress(stage="Training", step=3, max_steps=4, loss=0.61, eta_seconds=60))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["step 1/4", "step 3/4"]
    assert "1m left" in lines[1]


def test_the_outcome_names_the_directory_and_the_upload(tmp_path: Path) -> None:
    outcome = Outcome(
        outcome="Succeeded", reason="Completed", message="done",
        progress=Progress(step=4, max_steps=4, loss=0.5),
        artifacts=Artifacts(claim_name="models", path="helpful", push="org/helpful@abc"),
        samples=[Sample(prompt="Q?", before="dunno", after="certainly")],
    )  # fmt: skip
    text = shown(outcome_view(outcome, {"models": tmp_path}))
    assert text.startswith("SUCCEEDED  Completed: done")
    for part in ("Q?", "dunno", "certainly", "helpful/report.html", "org/helpful@abc"):
        assert part in text.replace("\n", ""), part


def test_a_failure_names_no_model(tmp_path: Path) -> None:
    text = shown(
        outcome_view(Outcome(outcome="Failed", reason="OutOfMemory", message="too big"), {})
    )
    assert text.startswith("FAILED  OutOfMemory: too big")
    assert "report" not in text


def test_an_evaluation_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingDisplay() as live:
        live.update(Progress(step=5, max_steps=9, loss=0.6))
        live.update(Progress(step=5, max_steps=9, loss=0.6, eval_loss=0.65))
        live.update(Progress(step=6, max_steps=9, loss=0.5, eval_loss=0.65))
    lines = capsys.readouterr().err.splitlines()
    assert ["eval loss" in line for line in lines] == [False, True, False]


@pytest.mark.parametrize(
    ("kept", "expected"), [(4, "goes on from the checkpoint"), (None, "starts from the beginning")]
)
def test_an_interruption_prints_where_the_same_command_starts(
    kept: int | None, expected: str
) -> None:
    hint = resume_hint(
        Outcome(outcome="Interrupted", reason="Stopped", progress=Progress(checkpoint_step=kept))
    )
    assert expected in hint
