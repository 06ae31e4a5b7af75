"""Help is quick: nothing large is imported before a command needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.cli.command_runner import run, run_inside
from tests.kit.cli.one_job_server import one_job_server
from tests.kit.repository import ROOT

from dpojob.command_line import build_app

COMMANDS = (
    "run", "check", "init", "inspect", "plan", "train", "evaluate", "list", "status", "logs", "samples", "report",
    "download", "events", "suspend", "resume", "cancel", "pools", "ui",
)  # fmt: skip
MODULES = ROOT / "cli/src/dpojob/commands"
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
    "pyarrow.parquet",
    "pydantic",
    "rich",
    "rich._emoji_codes",
    "yaml",
    "huggingface_hub",
    "importlib.metadata",
)

KUBECONFIG = """
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""
"""A kubeconfig of a cluster that refuses the connection."""


def imported(code: str) -> set[str]:
    """What of `LARGE` a new process has imported once the code has run."""
    report = f"import sys; {code}; print('imported', *[m for m in {LARGE} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_of_no_command_imports_anything_large() -> None:
    lines = [["--help"], *([each, "--help"] for each in COMMANDS)]
    code = f"from dpojob.main import main; assert {{main(line) for line in {lines!r}}} == {{0}}"
    assert imported(code) == set()


def test_a_completion_of_names_imports_what_sends_a_request_alone(tmp_path: Path) -> None:
    """It imports only constants of dpojob_api: without pydantic, whose import with the models takes as long as the rest."""
    (tmp_path / "config").write_text(KUBECONFIG)
    request = {
        "_DPOJOB_COMPLETE": "complete_bash",
        "COMP_WORDS": "dpojob status ",
        "COMP_CWORD": "2",
    }
    variables = {**request, "KUBECONFIG": str(tmp_path / "config")}
    code = f"import os; os.environ |= {variables!r}; from dpojob.main import main; main([])"
    assert imported(code) == {"asyncio", "yaml", "dpojob_api"}


@pytest.mark.parametrize("command", ["status x", "ui"])
def test_namespaces_of_the_kubeconfig_are_completed_without_the_cluster(
    tmp_path: Path, command: str
) -> None:
    contexts = (
        "["
        + ", ".join(
            f"{{name: {name}, context: {{cluster: c, user: u, namespace: {name}}}}}"
            for name in ("team-a", "team-b", "other")
        )
        + "]"
    )
    (tmp_path / "config").write_text(f"{{current-context: other, contexts: {contexts}}}")
    words = f"dpojob {command} -n te"
    variables = {"_DPOJOB_COMPLETE": "complete_bash", "COMP_WORDS": words}
    env = {"KUBECONFIG": str(tmp_path / "config"), "COMP_CWORD": str(words.count(" ")), **variables}
    assert run(env=env).out.split() == ["team-a", "team-b"]
    (tmp_path / "config").write_text("{")
    assert run(env=env).out.split() == []


def test_a_command_asks_the_cluster_before_it_imports_what_the_answer_needs(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    lines = [["pools"], ["list"], ["status", "x"], ["logs", "x"], ["suspend", "x"]]
    code = (
        f"import os; os.environ['KUBECONFIG'] = {str(tmp_path / 'config')!r}; "
        f"from dpojob.main import main; assert {{main(line) for line in {lines!r}}} == {{2}}"
    )
    found = imported(code)
    assert "asyncio" in found
    unneeded = {"dpojob_planner", "kubernetes", "httpx2", "websockets", "rich", "pydantic"}
    assert not found & unneeded


JOB = {
    "metadata": {"name": "helpful", "namespace": "default"},
    "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}},
    "status": {
        "phase": "Complete",
        "conditions": [{"type": "Complete", "status": "True", "reason": "Completed"}],
        "cost": {"soFar": "1.20", "currency": "USD"},
        "dataset": {"valid": True, "rows": 1200},
        "evaluation": {"verdict": "Better", "winRate": {"value": 0.6, "low": 0.5, "high": 0.7}},
        "progress": {"step": 10, "maxSteps": 10, "loss": 0.5},
        "samples": [{"prompt": "Name a colour.", "before": "Loud.", "after": "Red."}],
    },
}
"""A job with everything that the table of `dpojob status` has a row for."""


def test_listings_and_the_status_of_a_job_need_no_models_of_the_api(tmp_path: Path) -> None:
    with one_job_server(JOB) as address:
        (tmp_path / "config").write_text(KUBECONFIG.replace("https://127.0.0.1:1", address))
        lines = [["list"], ["list", "-o", "name"], ["list", "-o", "json"], ["status", "helpful"]]
        found = imported(
            f"import os; os.environ['KUBECONFIG'] = {str(tmp_path / 'config')!r}; "
            f"from dpojob.main import main; assert {{main(line) for line in {lines!r}}} == {{0}}"
        )
    assert found == {"asyncio", "yaml", "rich", "dpojob_api"}


def test_a_manifest_is_printed_without_what_talks_to_a_cluster_or_trains() -> None:
    line = ["run", "--dataset", "my-org/pairs", "--from-job", "my-sft", "--dry-run"]
    found = imported(f"from dpojob.main import main; assert main({line!r}) == 0")
    assert found == {"pydantic", "yaml", "dpojob_api"}


@pytest.mark.parametrize(("disabled", "left_out"), [("__all__", True), ("", False)])
def test_pydantics_plugins_are_left_out_unless_asked_for(disabled: str, left_out: bool) -> None:
    code = (
        f"import os; os.environ['PYDANTIC_DISABLE_PLUGINS'] = {disabled!r}; "
        "import sys; from dpojob.main import main; main(['--help']); "
        "found = 'pydantic.plugin._loader' in sys.modules; "
        "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP, get_plugins; "
        "print(found, PYDANTIC_ENTRY_POINT_GROUP, get_plugins())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, group, plugins = done.stdout.splitlines()[-1].split(maxsplit=2)
    assert found == str(left_out)
    assert group == "pydantic"
    assert (plugins == "()") is left_out


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


def test_the_client_is_imported_on_first_use() -> None:
    assert not imported("import dpojob") & {"httpx2", "pydantic", "dpojob_api"}
    found = imported("from dpojob import AsyncClient, Client, DPOJob")
    assert "asyncio" in found and not found & {"kubernetes", "httpx2", "websockets"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run_inside(command, "--help")
    assert result.code == 0
    assert len(result.out.splitlines()) > 5


def test_objects_are_frozen_before_python_ends() -> None:
    """Else Python looks for garbage among all that was imported, which takes a fifth of an inspection of a few rows."""
    code = (
        "import atexit, gc; atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0)); "
        "from dpojob.main import main; main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "frozen True"


def test_the_options_of_other_commands_are_not_read() -> None:
    named = [command.name for command in build_app("dpojob", "inspect").registered_commands]
    assert named == ["inspect"]
    for first in (None, "--help", "inspekt"):
        assert len(build_app("dpojob", first).registered_commands) == len(COMMANDS)


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
