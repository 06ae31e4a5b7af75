"""Help is quick: nothing large is imported before a command needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import run

COMMANDS = ("inspect", "plan", "train", "evaluate", "status", "logs", "suspend", "resume", "cancel")
MODULES = Path(__file__).parents[2] / "cli/src/dpojob/commands"
LARGE = (
    "torch",
    "transformers",
    "datasets",
    "pyarrow",
    "pydantic",
    "rich",
    "yaml",
    "huggingface_hub",
)


def imported(code: str) -> set[str]:
    report = f"import sys; {code}; print(*[m for m in {LARGE} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_command_line_itself_needs_nothing() -> None:
    assert imported("import dpojob.main; dpojob.main.build_parser('dpojob')") == set()


@pytest.mark.parametrize("module", sorted(path.stem for path in MODULES.glob("[a-z]*.py")))
def test_no_command_imports_the_trainer_before_it_has_read_the_manifest(module: str) -> None:
    found = imported(f"import dpojob.commands.{module}")
    assert found <= {"pydantic", "rich", "yaml"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.code == 0
    assert len(result.out.splitlines()) > 5


def test_without_a_command_the_commands_are_listed() -> None:
    result = run()
    assert result.code == 2
    assert all(command in result.out for command in COMMANDS)


def test_a_version_can_be_asked_for() -> None:
    assert run("--version").out.startswith("dpojob 0.")


def test_an_unknown_command_is_named() -> None:
    result = run("inspekt")
    assert result.code == 2
    assert "inspekt" in result.err


def test_a_missing_trainer_is_explained() -> None:
    code = (
        "import sys; sys.modules['dpojob_trainer'] = None\n"
        "from dpojob import trainer_bridge\n"
        "try: trainer_bridge.inspect(None, {}, print)\n"
        "except trainer_bridge.CommandError as error: print(error.code, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("2 inspect needs a package that is not installed"), done.stderr
    assert "pip install 'dpojob[inspect]'" in done.stdout
