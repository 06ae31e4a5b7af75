"""Every command in the documentation is run, or says why it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.command_blocks import (
    CLI_PAGE,
    ROOT,
    RUN_BY_FIRST_HOUR,
    RUN_BY_TEST,
    blocks,
    pages,
)
from tests.kit.hub.server import Hub
from tests.kit.tiny_models import make_model

RUN = [page for page in pages() if any(block.mark == RUN_BY_TEST for block in blocks(page))]
MODELS = ("Qwen/Qwen2.5-0.5B-Instruct",)
"""Models of the pages, for which the loopback hub has a tiny one of the same layout."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    tiny = make_model(tmp_path_factory.mktemp("model"), teach_steps=0)
    with Hub() as hub:
        for model in MODELS:
            hub.add_model(model, tiny)
        yield hub


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if page != CLI_PAGE],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_each_block_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.mark is not None, f"no mark above: {block.commands}"
        run = block.mark in (RUN_BY_TEST, RUN_BY_FIRST_HOUR)
        assert run or block.mark.startswith("not run: "), block.mark


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_print_what_the_page_shows(page: Path, hub: Hub, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        **hub.env(),
        "HF_HOME": str(tmp_path / "cache"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "96",
    }
    for block in blocks(page):
        if block.mark != RUN_BY_TEST:
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
