"""`dpojob report` and `download`: what they print, and what is opened; tests/e2e reads the claims."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cli.command_runner import UNREACHABLE, run_inside

from dpojob import AsyncClient


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was given; the claim has the report and the model."""
    addresses: list[str] = []

    async def put(self: AsyncClient, name: str, to: Path | None, **options: Any) -> Path:
        return to or Path(name)

    monkeypatch.chdir(tmp_path)
    Path("config").write_text(UNREACHABLE)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(AsyncClient, "report", put)
    monkeypatch.setattr(AsyncClient, "download", put)
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


def test_a_report_is_opened_on_a_terminal(opened: list[str], tmp_path: Path) -> None:
    result = run_inside("report", "helpful", "--to", "my report.html", shown=True)
    assert (result.code, result.out) == (0, "my report.html\n"), result.err
    assert opened == [f"{tmp_path.as_uri()}/my%20report.html"]


@pytest.mark.parametrize(
    ("options", "shown"), [(("--no-open",), True), (("-o", "json"), True), ((), False)]
)
def test_a_report_is_not_opened_by_a_script_or_against_the_users_will(
    opened: list[str], options: tuple[str, ...], shown: bool
) -> None:
    assert run_inside("report", "helpful", *options, shown=shown).code == 0
    assert opened == []


@pytest.mark.parametrize("command", ["report", "download"])
def test_the_place_is_printed_in_every_form(opened: list[str], command: str) -> None:
    line = (command, "helpful", "--to", "here")
    assert run_inside(*line).out == "here\n"
    assert run_inside(*line, "-o", "json").json == {"path": "here"}
    assert yaml.safe_load(run_inside(*line, "-o", "yaml").out) == {"path": "here"}
