"""An inspection of a few rows imports, compiles and collects no more than it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.inspection.tokenizer_models import make_model

UNUSED = (
    "asyncio",
    "datasets",
    "dpojob_api.cost_quota",
    "dpojob_api.evaluation",
    "dpojob_api.job",
    "dpojob_api.plan",
    "dpojob_api.pool",
    "dpojob_api.progress",
    "dpojob_planner",
    "dpojob_trainer.inspection.readers.columnar",
    "dpojob_trainer.inspection.readers.csv",
    "dpojob_trainer.inspection.sources.hub_repository",
    "httpx2",
    "huggingface_hub",
    "importlib.metadata",
    "numpy.ma",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "rich",
    "torch",
    "transformers",
)
"""Modules that an inspection of JSON Lines on a claim does not need."""


ROW = {"prompt": "Name a colour.", "chosen": "Red.", "rejected": "Loud."}
TRANSCRIPTS = {
    name: f"\n\nHuman: Name a colour.\n\nAssistant: {answer}"
    for name, answer in (("chosen", "Red."), ("rejected", "Loud."))
}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The command line that inspects one pair with a model."""
    make_model(tmp_path / "model")
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(ROW)}\n")
    sources = {"model": "model", "dataset": "pairs.jsonl", "output": "tuned"}
    spec = {part: {"volume": {"claimName": "data", "path": path}} for part, path in sources.items()}
    job = {"apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "metadata": {"name": "job"}}
    (tmp_path / "job.json").write_text(json.dumps({**job, "spec": spec}))
    return ["inspect", "-f", str(tmp_path / "job.json"), "--volume", f"data={tmp_path}", "--json"]


def last_words(code: str) -> list[str]:
    """The words of the last line that a new process prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("row", [ROW, TRANSCRIPTS], ids=["columns", "transcripts"])
def test_an_inspection_of_local_files_imports_only_what_it_uses(
    row: dict[str, str], command: list[str], tmp_path: Path
) -> None:
    """pyarrow would import pandas, and no HTTP client is needed where the job names no addresses."""
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(row)}\n")
    looked_for = ("pyarrow", "dpojob_trainer", "dpojob_api.spec", *UNUSED)
    status, *found = last_words(
        f"import sys; from dpojob.main import main; status = main({command!r}); "
        f"print(status, *[m for m in {looked_for} if m in sys.modules])"
    )
    assert status == "0"
    assert found == ["pyarrow", "dpojob_trainer", "dpojob_api.spec"]


@pytest.mark.parametrize("name", ["check", "plan"])
def test_other_commands_that_only_inspect_leave_out_pandas_and_print_json_without_rich(
    name: str, command: list[str]
) -> None:
    job, claim = Path(command[2]), command[4]
    line = {
        "check": ["check", str(job.with_name("pairs.jsonl")), "--json"],
        "plan": ["plan", "-f", str(job), "--volume", claim, "--json"],
    }[name]
    _, *found = last_words(
        f"import sys; from dpojob.main import main; status = main({line!r}); "
        "print(status, *[m for m in ('pyarrow', 'pandas', 'rich') if m in sys.modules])"
    )
    assert found == ["pyarrow"]


@pytest.mark.parametrize("with_model", [True, False])
def test_texts_are_inspected_without_jinja_where_there_is_no_chat_template(
    with_model: bool, command: list[str], tmp_path: Path
) -> None:
    make_model(tmp_path / "model", None)
    model = ["--model", str(tmp_path / "model")] if with_model else []
    line = ["check", str(tmp_path / "pairs.jsonl"), *model, "--json"]
    assert last_words(
        f"import sys; from dpojob.main import main; print(main({line!r}), 'jinja2' in sys.modules)"
    ) == ["0", "False"]


def test_an_inspection_starts_no_threads_for_linear_algebra() -> None:
    """Each of them keeps a processor busy for a while when it has nothing to do."""
    threads = last_words(
        "import threadpoolctl; from dpojob.trainer_bridge import prepare_inspection; prepare_inspection(); "
        "print(*[each['num_threads'] for each in threadpoolctl.threadpool_info()])"
    )
    assert threads == ["1"]


def test_an_inspection_of_a_few_rows_looks_for_no_garbage(command: list[str]) -> None:
    """With Python's own threshold it does so some hundred times while modules are imported."""
    collections = "sum(each['collections'] for each in gc.get_stats())"
    before, after = last_words(
        f"import gc; from dpojob.main import main; before = {collections}; main({command!r}); "
        f"print(before, {collections})"
    )
    assert before == after


def test_typer_is_imported_after_the_threshold_of_garbage_collection_is_raised() -> None:
    assert last_words("import sys, dpojob.main; print('typer' in sys.modules)") == ["False"]
