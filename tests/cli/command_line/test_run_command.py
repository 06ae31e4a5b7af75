import json
from typing import Any

import pytest

from dpojob.command_line.run_command import EXIT_SIGINT, run_command
from dpojob.errors import CommandError


def refuse(**_: Any) -> int:
    raise CommandError("no such job", code=3, reason="NotFound")


def interrupt(**_: Any) -> int:
    raise KeyboardInterrupt


async def wait(**_: Any) -> int:
    return 4


@pytest.mark.parametrize("function", [lambda: 4, wait])
def test_a_command_gives_its_exit_status(function: Any) -> None:
    assert run_command("status", function, {}) == 4


def test_an_error_is_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("status", refuse, {}) == 3
    assert capsys.readouterr() == ("", "status: no such job\n")


def test_an_error_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: Any) -> int:
        raise CommandError("the pod says:\n\x1b]0;evil\x07 \u202eevil")

    run_command("status", fail, {})
    assert capsys.readouterr().err == "status: the pod says:\n\\x1b]0;evil\\x07 \\u202eevil\n"


@pytest.mark.parametrize("options", [{"json": True}, {"format_": "json"}])
def test_an_error_is_json_where_json_is_asked_for(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("status", refuse, options) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": "no such job", "reason": "NotFound"}
    assert printed.err == ""


def test_an_inspection_that_could_not_look_prints_a_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command("inspect", refuse, {"json": True}) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], report["reason"], report["error"]) == (
        False,
        "NotFound",
        "no such job",
    )


def test_ctrl_c_ends_a_command_as_shells_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("status", interrupt, {}) == EXIT_SIGINT
    assert capsys.readouterr().out == ""
