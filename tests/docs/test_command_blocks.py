"""Every command in the documentation is run, or says why it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.kit.documentation.command_blocks import (
    CLI_PAGE,
    ROOT,
    RUN_BY_FIRST_HOUR,
    RUN_BY_TEST,
    RUN_BY_TRAINING_TEST,
    blocks,
    pages,
)
from tests.kit.hub.server import Hub
from tests.kit.tiny_models import make_model, make_pairs, write_parquet

IN_EMPTY_DIRECTORY = (RUN_BY_TEST, RUN_BY_TRAINING_TEST)
RUN = {
    page: marks
    for page in pages()
    if (marks := {b.mark for b in blocks(page)}.intersection(IN_EMPTY_DIRECTORY))
}
"""The pages with blocks that are run here, and the marks of these blocks."""
MODELS = ("Qwen/Qwen2.5-0.5B-Instruct",)
"""Models of the pages, for which the loopback hub has a tiny one of the same layout."""
CONVERSATIONS = "trl-lib/ultrafeedback_binarized"
"""A dataset of the pages, for which it has a few pairs in the same files and columns."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    tiny = make_model(tmp_path_factory.mktemp("model"), teach_steps=0)
    with Hub() as hub:
        for model in MODELS:
            hub.add_model(model, tiny)
        directory = tmp_path_factory.mktemp("conversations")
        for split, count in (("train", 64), ("test", 8)):
            rows = [conversation(pair) for pair in make_pairs(count, count)]
            write_parquet(directory / f"data/{split}-00000-of-00001.parquet", rows)
        hub.add_dataset(CONVERSATIONS, directory)
        yield hub


def conversation(pair: Mapping[str, str]) -> dict[str, Any]:
    """A row as the dataset has it: two conversations that begin with the same question, and their scores."""
    asked = {"role": "user", "content": pair["question"]}
    chosen, rejected = (
        [asked, {"role": "assistant", "content": pair[name]}]
        for name in ("good_response", "bad_response")
    )
    return {"chosen": chosen, "rejected": rejected, "score_chosen": 8.0, "score_rejected": 5.0}


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page != CLI_PAGE],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_each_block_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.mark is not None, f"no mark above: {block.commands}"
        run = block.mark in (*IN_EMPTY_DIRECTORY, RUN_BY_FIRST_HOUR)
        assert run or block.mark.startswith("not run: "), block.mark


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.train] if RUN_BY_TRAINING_TEST in marks else [])
        for page, marks in RUN.items()
    ],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_commands_print_what_the_page_shows(page: Path, hub: Hub, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        **hub.env(),
        "HF_HOME": str(tmp_path / "cache"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "96",
    }
    for block in blocks(page):
        if block.mark not in IN_EMPTY_DIRECTORY:
            continue
        process = subprocess.run(
            ["bash", "-c", block.commands], cwd=tmp_path, env=environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.returncode == block.status, f"{block.commands}\n{process.stdout}"
        for line in block.output:
            assert line in process.stdout, f"{line!r} is not in:\n{process.stdout}"


def test_pages_that_are_run_exist() -> None:
    assert ROOT / "docs/start/laptop.md" in RUN
