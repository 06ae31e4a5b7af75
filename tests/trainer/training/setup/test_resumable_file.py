"""Results that a later attempt continues with."""

from __future__ import annotations

from pathlib import Path

from dpojob_trainer.training.setup.resumable_file import ResumableFile


def test_a_later_attempt_continues_after_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "work" / "answers.jsonl"
    first = ResumableFile(path, ["model", 1])
    first.append([{"text": "één"}, {"text": "two\nlines"}])
    with path.open("a", encoding="utf-8") as torn:
        torn.write('{"text": "cut o')
    second = ResumableFile(path, ["model", 1])
    assert second.values == [{"text": "één"}, {"text": "two\nlines"}]
    second.append([{"text": "three"}])
    third = ResumableFile(path, ["model", 1])
    assert third.values == [*first.values, {"text": "three"}]
    third.keep(1)
    assert ResumableFile(path, ["model", 1]).values == [{"text": "één"}]
    assert ResumableFile(path, ["model", 2]).values == []
    assert ResumableFile(path, ["model", 1]).values == []
