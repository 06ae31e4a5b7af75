"""A generator writes its files, and with --check names those that are stale without touching them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.kit.repository import ROOT

sys.path.insert(0, str(ROOT / "hack/generators"))
import generated_files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generated_files, "ROOT", tmp_path)
    return tmp_path


def test_files_are_written_with_their_folder(root: Path) -> None:
    assert generated_files.write_or_check({root / "docs/a.md": "ä\n"}, []) == 0
    assert (root / "docs/a.md").read_bytes() == "ä\n".encode()


def test_current_files_pass_the_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a.md").write_text("ä\n", encoding="utf-8")
    assert generated_files.write_or_check({root / "a.md": "ä\n"}, ["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_every_stale_file_is_named_and_left_as_it_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "old.md").write_text("old\n")
    (root / "current.md").write_text("new\n")
    names = ("old.md", "current.md", "missing.md")
    files = {root / name: "new\n" for name in names}
    assert generated_files.write_or_check(files, ["--check"], "make pages") == 1
    assert capsys.readouterr().err.splitlines() == [
        "check: old.md is stale; run 'make pages'",
        "check: missing.md is stale; run 'make pages'",
    ]
    assert (root / "old.md").read_text() == "old\n"
    assert not (root / "missing.md").exists()


def test_an_unknown_option_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generated_files.write_or_check({root / "a.md": "new\n"}, ["--chek"]) == 2
    assert "[--check]" in capsys.readouterr().err
    assert not (root / "a.md").exists()
