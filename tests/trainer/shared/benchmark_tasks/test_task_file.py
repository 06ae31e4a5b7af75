"""Files of benchmark tasks: what may be data alone, and what is refused where no code may run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit.tiny_models import write_task

from dpojob_trainer.shared.benchmark_tasks import TaskFileError, read_task_file


def read(root: Path, *, allow_code: bool = False, name: str = "manners.yaml") -> dict[str, Any]:
    return read_task_file(root / name, root, allow_code=allow_code)


def test_a_task_of_data_is_read_with_the_paths_of_its_files(tmp_path: Path) -> None:
    write_task(tmp_path)
    fields = read(tmp_path)
    assert fields["dataset_kwargs"]["data_files"] == {"test": str(tmp_path / "manners.jsonl")}
    assert fields["output_type"] == "multiple_choice"


def test_an_included_file_gives_what_the_file_does_not_say(tmp_path: Path) -> None:
    write_task(tmp_path)
    (tmp_path / "more.yaml").write_text("include: manners.yaml\ndoc_to_target: other\n")
    fields = read(tmp_path, name="more.yaml")
    assert fields["doc_to_target"] == "other" and fields["doc_to_choice"] == "choices"
    (tmp_path / "round.yaml").write_text("include: round.yaml\n")
    with pytest.raises(TaskFileError, match="nested too deeply"):
        read(tmp_path, name="round.yaml")


@pytest.mark.parametrize(
    ("fields", "phrase"),
    [
        ({"process_docs": "helpers.f"}, "field 'process_docs'"),
        ({"class": "helpers.Task"}, "field 'class'"),
        ({"unsafe_code": True}, "field 'unsafe_code'"),
        ({"custom_dataset": "f"}, "field 'custom_dataset'"),
        ({"metric_list": [{"metric": "somebody/metric"}]}, "metric 'somebody/metric'"),
        ({"metric_list": [{"metric": "acc", "hf_evaluate": True}]}, "hf_evaluate"),
        ({"metric_list": "acc"}, "lists of objects"),
        ({"generation_kwargs": {"custom_generate": "somebody/decoder"}}, "'custom_generate'"),
        ({"generation_kwargs": {"trust_remote_code": True}}, "'trust_remote_code'"),
        ({"filter_list": [{"filter": [{"function": "custom"}]}]}, "filter 'custom'"),
        ({"dataset_path": "pandas"}, "neither a repository of the hub"),
        ({"dataset_path": ["json"]}, "neither a repository of the hub"),
        ({"dataset_path": "/etc"}, "neither a repository of the hub"),
        ({"dataset_kwargs": {"data_dir": "/etc"}}, "'data_dir'"),
    ],
)
def test_what_may_run_code_is_for_installations_that_allow_it(
    tmp_path: Path, fields: dict[str, Any], phrase: str
) -> None:
    write_task(tmp_path, **fields)
    with pytest.raises(TaskFileError, match=phrase):
        read(tmp_path)
    assert read(tmp_path, allow_code=True)["task"] == "manners"


def test_a_function_is_named_with_the_setting_that_allows_it(tmp_path: Path) -> None:
    write_task(tmp_path)
    with (tmp_path / "manners.yaml").open("a") as out:
        out.write("process_docs: !function helpers.first\n")
    with pytest.raises(TaskFileError, match=r"!function.*evaluation\.allowPrograms"):
        read(tmp_path)
    assert read(tmp_path, allow_code=True)["process_docs"] == "helpers.first"


@pytest.mark.parametrize("allow_code", [False, True])
@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (None, "No such file"),
        ("- a\n", "holds no fields"),
        ("a: [\n", "line 2 is not YAML"),
        ("x: !!python/object/apply:os.system [true]\n", "line 1 is not YAML"),
        ("task: t\n", "has no dataset_path"),
        ("group: g\ntask: [a, b]\n", "is a group"),
        ("include: ../outside.yaml\n", "is not on the claim"),
        ("include: /etc/hostname\n", "is not on the claim"),
        ("task: t\n" + "# " * 600_000, "larger than 1 MiB"),
        ("dataset_path: json\ndataset_kwargs: {data_files: ../x}\n", "not on the claim"),
        (
            "dataset_path: json\ndataset_kwargs: {data_files: 'http://inner/x'}\n",
            "not on the claim",
        ),
        ("dataset_path: json\ndataset_kwargs: {data_files: &a [*a]}\n", "RecursionError"),
        ('dataset_path: json\ndataset_kwargs: {data_files: "a\\0b"}\n', "ValueError"),
        ('dataset_path: json\ndataset_kwargs: {data_files: "\\uD800"}\n', "UnicodeEncodeError"),
        (
            f"dataset_path: json\ndataset_kwargs: {{data_files: {'x' * 300}}}\n",
            "File name too long",
        ),
        ('include: "a\\0b"\n', "ValueError"),
        ("dataset_path: json\ndataset_kwargs: {data_files: [none.jsonl]}\n", "no file none.jsonl"),
    ],
)
def test_files_that_are_no_task(
    tmp_path: Path, text: str | None, phrase: str, allow_code: bool
) -> None:
    root = tmp_path / "claim"
    root.mkdir()
    (tmp_path / "outside.yaml").write_text("task: t\n")
    if text is not None:
        (root / "manners.yaml").write_text(text)
    with pytest.raises(TaskFileError, match=phrase):
        read(root, allow_code=allow_code)


def test_a_data_file_is_no_pattern_and_no_link_that_may_change(tmp_path: Path) -> None:
    data = {"test": "[l]eak.txt"}
    write_task(tmp_path, dataset_path="text", dataset_kwargs={"data_files": data})
    (tmp_path / "[l]eak.txt").write_text("decoy\n")
    (tmp_path / "leak.txt").symlink_to("/etc/hostname")
    with pytest.raises(TaskFileError, match=r"\[l\]eak\.txt has one of"):
        read(tmp_path)
    (tmp_path / "real.txt").write_text("text\n")
    (tmp_path / "link.txt").symlink_to("real.txt")
    data = {"test": "link.txt"}
    write_task(tmp_path, dataset_path="text", dataset_kwargs={"data_files": data})
    assert read(tmp_path)["dataset_kwargs"]["data_files"] == {"test": str(tmp_path / "real.txt")}


def test_a_task_has_at_most_64_files(tmp_path: Path) -> None:
    write_task(tmp_path)
    for count in (63, 64):
        (tmp_path / "many.yaml").write_text(f"include: [{'manners.yaml, ' * count}]\n")
        if count == 63:
            assert read(tmp_path, name="many.yaml")["task"] == "manners"
    with pytest.raises(TaskFileError, match="more than 64 files"):
        read(tmp_path, name="many.yaml")


def test_a_task_has_at_most_1000_data_files(tmp_path: Path) -> None:
    files = ["manners.jsonl"] * 1001
    write_task(tmp_path, dataset_kwargs={"data_files": files})
    with pytest.raises(TaskFileError, match="more than 1000"):
        read(tmp_path)
