"""The commands of CONTRIBUTING.md that run one test of each kind select tests."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest
from tests.kit.repository import ROOT

COMMANDS = re.findall(r"`\.venv/bin/pytest (.*?)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_runs_one_test_selects_some(command: str) -> None:
    """Read from the files: pytest would import torch to collect some of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("-m", default="")
    parser.add_argument("-k", default="")
    arguments = parser.parse_args(shlex.split(command))
    files = {path: path.read_text("utf-8") for path in (ROOT / arguments.folder).rglob("test_*.py")}
    selected = [
        path
        for path, text in files.items()
        if (not arguments.m or f"mark.{arguments.m}" in text)
        and (arguments.k in path.name or re.search(rf"def test_\w*{arguments.k}", text))
    ]
    assert selected, command


def test_the_table_has_a_command_for_each_part_of_the_suite() -> None:
    marks = {mark for command in COMMANDS for mark in re.findall(r"-m (\w+)", command)}
    assert marks == {"train", "cluster", "e2e", "chaos"}
