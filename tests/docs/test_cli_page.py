"""What docs/cli.md shows is what the commands print today, but for times and other numbers."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cli.command_runner import run_inside
from tests.kit.cluster.documented_job import documented_job
from tests.kit.documentation.command_blocks import (
    CLI_PAGE,
    NOT_COMPARED,
    ON_CONTROL_PLANE,
    ON_NODE,
    ROOT,
    blocks,
    run_block,
    shapes,
)
from tests.kit.inspection.word_model import write_word_model
from tests.kit.tiny_models import make_pairs, write_jsonl

MARKS = {None, NOT_COMPARED, ON_CONTROL_PLANE, ON_NODE}
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
