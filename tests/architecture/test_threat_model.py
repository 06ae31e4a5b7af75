"""Every test that the threat model names as a proof exists and tests something."""

import ast
import re

import pytest
from tests.kit.repository import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("|---")][1:]  # fmt: skip
NAMED = re.findall(r"`(tests/[^`\s]+)`", PAGE)


def test_every_row_of_the_threat_model_names_its_proof() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        *_, proof, _ = (cell.strip() for cell in row.split("|"))
        assert "`tests/" in proof, row


@pytest.mark.parametrize("path", sorted(set(NAMED)))
def test_a_named_proof_exists_and_holds_tests(path: str) -> None:
    file = ROOT / path
    assert file.is_file(), f"docs/security.md names {path}, which does not exist"
    if file.suffix != ".py":
        return
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(file.read_text())
    assert any(isinstance(n, functions) and n.name.startswith("test_") for n in ast.walk(tree))
