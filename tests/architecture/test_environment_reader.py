"""The trainer's containers have one reader of the environment."""

import ast

import pytest
from tests.kit.repository import ROOT

TRAINER = ROOT / "trainer-image/src/dpojob_trainer"
READER = TRAINER / "shared/container_environment.py"
READING = {"environ", "environb", "getenv", "getenvb"}


def names_in(source: str) -> set[str]:
    """The names and attributes that a module uses or imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.alias):
            names.add(node.name)
    return names


@pytest.mark.parametrize("source", ["os.environ.get('A')", "from os import getenv"])
def test_a_read_of_the_environment_is_found(source: str) -> None:
    assert names_in(source) & READING


def test_only_one_module_of_the_trainer_reads_the_environment() -> None:
    modules = [path for path in TRAINER.rglob("*.py") if names_in(path.read_text()) & READING]
    assert modules == [READER]
