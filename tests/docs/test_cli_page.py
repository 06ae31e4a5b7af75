"""What docs/cli.md shows is what the commands print today, but for times and other numbers."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cli.command_runner import run_inside
from tests.kit.cluster.documented_job import documented_job
from tests.kit.documentation.command_blocks import (
    CLI_PAGE,
    OF_TRAINING,
    ON_CONTROL_PLANE,
    ON_NODE,
    ROOT,
    blocks,
    run_block,
    shapes,
)
from tests.kit.inspection.word_model import write_word_model
from tests.kit.tiny_models import make_pairs, write_jsonl

sys.path.insert(0, str(ROOT / "hack"))

from demo import demo_data

MARKS = {None, OF_TRAINING, ON_CONTROL_PLANE, ON_NODE}
BLOCKS = blocks(CLI_PAGE)


def test_every_block_is_recorded() -> None:
    assert {block.mark for block in BLOCKS} <= MARKS
    assert [block.commands for block in BLOCKS if not block.output] == []


def test_commands_on_this_machine(tmp_path: Path) -> None:
    rows = make_pairs(1600, 0)
    words = {
        word for row in rows for text in row.values() for word in re.findall(r"\w+|[^\w\s]+", text)
    }
    write_word_model(tmp_path / "data/model", sorted(words))
    write_jsonl(tmp_path / "data/data/train.jsonl", rows)
    shutil.copy(ROOT / "examples/quickstart.yaml", tmp_path)
    for block in BLOCKS:
        if block.mark is None:
            printed = " ".join(run_block(block, tmp_path, {}))
            assert printed == " ".join(shapes(block.output)), block.commands  # Folded elsewhere.


@pytest.mark.train
def test_commands_that_train(tmp_path: Path) -> None:
    """All that they print but the answers to the prompts, which differ from processor to processor."""
    shutil.copytree(demo_data(), tmp_path / "data")
    pairs = tmp_path / "data/data/train.jsonl"
    pairs.write_text("".join(pairs.read_text().splitlines(keepends=True)[:1600]))
    shutil.copy(ROOT / "examples/quickstart.yaml", tmp_path)
    trained, listed = [block for block in BLOCKS if block.mark == OF_TRAINING]
    assert "dpojob train" in trained.commands and listed.commands == "ls tuned"
    printed = run_block(trained, tmp_path, {})
    assert without_answers(printed) == without_answers(shapes(trained.output))
    assert run_block(listed, tmp_path, {}) == shapes(listed.output)


def without_answers(lines: Sequence[str]) -> list[str]:
    """The lines without the table of the prompts and their answers."""
    first = next(number for number, line in enumerate(lines) if line.startswith("┃ prompt"))
    last = next(number for number, line in enumerate(lines) if line.startswith("model "))
    return [*lines[: first - 1], *lines[last:]]


@pytest.mark.cluster
def test_commands_on_a_control_plane(control_plane: Any, tmp_path: Path) -> None:
    with documented_job(control_plane, tmp_path) as tenant:
        for block in BLOCKS:
            if block.mark == ON_CONTROL_PLANE:
                printed = ""
                for command in block.commands.split("; "):
                    result = run_inside(*shlex.split(command)[1:], env={**tenant, "COLUMNS": "96"})
                    assert result.code == 0, result.err
                    printed += result.err + result.out
                # Other tests may have left pools; all else is in the tenant's namespace.
                assert set(shapes(block.output)) <= set(shapes(printed.splitlines())), printed
