"""Help is quick: nothing large is imported before a command needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import run_inside
from tests.kit.inspection.tokenizer_models import make_model

COMMANDS = (
    "run", "check", "init", "inspect", "plan", "train", "evaluate", "list", "status", "logs", "samples", "report",
    "download", "events", "suspend", "resume", "cancel", "pools", "ui",
)  # fmt: skip
MODULES = Path(__file__).parents[2] / "cli/src/dpojob/commands"
LARGE = (
    "torch",
    "transformers",
    "pandas",
    "kubernetes",
    "httpx2",
    "websockets",
    "asyncio",
    "dpojob_api",
    "dpojob_planner",
    "dpojob_trainer",
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


def test_help_imports_nothing_large() -> None:
    code = "from dpojob.main import main; sys.stderr.write(str(main(['--help'])))"
    report = f"import sys; {code}; print('imported', *[m for m in {LARGE} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    assert done.stderr == "0"
    assert done.stdout.splitlines()[-1] == "imported"


def test_no_command_imports_the_trainer_before_it_has_read_the_manifest() -> None:
    modules = sorted(MODULES.rglob("[a-z]*.py"))
    names = [
        ".".join(path.relative_to(MODULES.parents[1]).with_suffix("").parts) for path in modules
    ]
    assert len(names) > 15
    found = imported(f"import {', '.join(names)}")
    assert not found & {
        "torch",
        "transformers",
        "pandas",
        "kubernetes",
        "datasets",
        "dpojob_trainer",
    }
    assert not found & {"pyarrow", "huggingface_hub"}


def test_an_inspection_of_local_files_imports_only_what_it_uses(tmp_path: Path) -> None:
    """pyarrow would import pandas, and no HTTP client is needed where the job names no addresses."""
    make_model(tmp_path / "model")
    row = {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Loud."}
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(row)}\n")
    sources = {"model": "model", "dataset": "pairs.jsonl", "output": "tuned"}
    spec = {part: {"volume": {"claimName": "data", "path": path}} for part, path in sources.items()}
    job = {"apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "metadata": {"name": "job"}}
    (tmp_path / "job.json").write_text(json.dumps({**job, "spec": spec}))
    command = [
        "inspect", "-f", str(tmp_path / "job.json"), "--volume", f"data={tmp_path}", "--json",
    ]  # fmt: skip
    code = f"from dpojob.main import main; status = main({command!r})"
    report = f"import sys; {code}; print(status, *[m for m in {LARGE} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    status, *found = done.stdout.splitlines()[-1].split()
    assert (status, done.stderr) == ("0", "")
    assert {"pyarrow", "dpojob_trainer"} <= {*found}
    assert not {*found} & {"pandas", "httpx2", "torch", "transformers", "datasets"}


def test_the_client_is_imported_on_first_use() -> None:
    assert not imported("import dpojob") & {"httpx2", "pydantic", "dpojob_api"}
    found = imported("from dpojob import AsyncClient, Client, DPOJob")
    assert "httpx2" in found and not found & {"kubernetes", "websockets"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run_inside(command, "--help")
    assert result.code == 0
    assert len(result.out.splitlines()) > 5


def test_without_a_command_the_commands_are_listed() -> None:
    result = run_inside()
    assert result.code == 2
    assert all(command in result.out for command in COMMANDS)


def test_a_version_can_be_asked_for() -> None:
    assert run_inside("--version").out.startswith("dpojob 0.")


def test_an_unknown_command_is_named() -> None:
    result = run_inside("inspekt")
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
