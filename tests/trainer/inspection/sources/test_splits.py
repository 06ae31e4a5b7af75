"""Which files of a claim, a repository or a list of addresses are a split, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.sources.download import open_urls
from dpojob_trainer.inspection.sources.hub_splits import RepositoryFiles, group_repository_files
from dpojob_trainer.inspection.sources.splits import (
    group_by_split,
    natural_sort_key,
    suggest_split,
)

ROWS = [{"prompt": f"p {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(5)]
REPO = DatasetSource.model_validate({"repo": "org/data"})
HH = [
    f"{directory}/{split}.jsonl.gz"
    for directory in ("harmless-base", "helpful-base", "helpful-online")
    for split in ("test", "train")
]
RED = "red-team-attempts/red_team_attempts.jsonl.gz"


def files(*paths: str, card: Any = None, **dataset: Any) -> RepositoryFiles:
    return group_repository_files(REPO.model_copy(update=dataset), card or {}, list(paths))


# On the hub, by the files' names.


def test_files_that_name_no_split_are_left_out_beside_files_that_do() -> None:
    found = files(*HH, RED, "README.md")
    assert found.splits == {"train": HH[1::2], "test": HH[::2]}
    assert found.files_without_split == [RED]


def test_files_that_name_no_split_are_train_where_none_does() -> None:
    found = files("pairs.jsonl", "more/other.jsonl")
    assert (found.splits, found.files_without_split) == ({"train": ["pairs.jsonl"]}, [])


def test_a_named_file_in_a_directory_counts_more_than_an_unnamed_one_above() -> None:
    found = files("extra.jsonl", "v1/train.jsonl")
    assert (found.splits, found.files_without_split) == (
        {"train": ["v1/train.jsonl"]},
        ["extra.jsonl"],
    )


def test_a_configuration_is_a_directory_with_splits_of_its_own() -> None:
    found = files(*HH, RED, config="helpful-base")
    assert found.splits == {
        "train": ["helpful-base/train.jsonl.gz"],
        "test": ["helpful-base/test.jsonl.gz"],
    }
    assert found.files_without_split == []


# On the hub, by the card.


@pytest.mark.parametrize("configs", [5, "default", {"a": 1}, [7], None])
def test_a_card_that_makes_no_sense_defines_no_splits(configs: Any) -> None:
    assert files("train.jsonl", card={"configs": configs}).splits == {"train": ["train.jsonl"]}


# On a claim.


def saved(volume, split: str, rows: list[dict[str, Any]]) -> None:
    """Writes files as `DatasetDict.save_to_disk` lays them out."""
    import pyarrow as pa

    folder = volume.root / "pairs" / split
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    (folder / "state.json").write_text("{}")


def test_a_dataset_dict_saved_to_disk_keeps_its_splits(volume) -> None:
    saved(volume, "train", ROWS[:3])
    saved(volume, "test", ROWS[3:])
    report = volume.inspect({"eval": {"split": "test"}})
    assert (report.rows, report.eval_rows, report.splits) == (3, 2, ["test", "train"])


def test_a_dataset_saved_to_disk_is_train(volume) -> None:
    saved(volume, ".", ROWS)
    assert volume.inspect().rows == 5


@pytest.mark.parametrize("name", ["1²2.jsonl", "²1.jsonl", "٣.jsonl", "a١b.jsonl"])
def test_digits_of_any_script_are_just_a_name(volume, name: str) -> None:
    assert volume.rows(ROWS, name).inspect().rows == 5


@given(st.lists(st.text(alphabet="a1²٣/-.", min_size=1)))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    assert sorted(sorted(names, key=natural_sort_key)) == sorted(names)
    assert sum(map(len, group_by_split(names).values())) == len(names)


def test_one_file_has_no_other_split(volume) -> None:
    volume.rows(ROWS)
    place = {"volume": {"claimName": "data", "path": "pairs/train.jsonl"}}
    with pytest.raises(InspectionError, match=r"one file, which has no split 'test'. Remove"):
        volume.inspect({**place, "split": "test"})


def test_one_file_may_be_named_with_its_split(volume) -> None:
    volume.rows(ROWS, "test.jsonl")
    place = {"volume": {"claimName": "data", "path": "pairs/test.jsonl"}}
    assert volume.inspect({**place, "split": "test"}).rows == 5


# Linked directories.


def store(volume, name: str = "store") -> Path:
    """A directory with rows beside the pairs."""
    folder = volume.root / name
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (volume.root / "pairs").mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("path", ["pairs", "pairs/**/*.jsonl", "pairs/*/train.jsonl", "pairs/**"])
def test_a_linked_directory_inside_the_volume_is_read(volume, path: str) -> None:
    (volume.root / "pairs").mkdir()
    (volume.root / "pairs" / "sub").symlink_to(store(volume))
    report = volume.inspect({"volume": {"claimName": "data", "path": path}})
    assert report.rows == 5


def test_rows_of_a_linked_directory_are_read_beside_a_file(volume) -> None:
    volume.rows([{**ROWS[0], "prompt": "other"}])
    (volume.root / "pairs" / "sub").symlink_to(store(volume))
    assert volume.inspect().rows == 6


@pytest.mark.parametrize("path", ["pairs", "pairs/**/*.jsonl", "pairs/*/*.jsonl"])
def test_a_linked_directory_out_of_the_volume_is_refused(
    volume, tmp_path_factory, path: str
) -> None:
    volume.rows(ROWS).rows(ROWS, "real/train.jsonl")
    (volume.root / "pairs" / "sub").symlink_to(tmp_path_factory.mktemp("outside"))
    with pytest.raises(InspectionError, match=r"pairs/sub on the claim 'data' is a link out"):
        volume.inspect({"volume": {"claimName": "data", "path": path}})


def test_a_link_that_a_glob_does_not_name_is_nothing_to_it(volume, tmp_path_factory) -> None:
    volume.rows(ROWS)
    (volume.root / "pairs" / "sub").symlink_to(tmp_path_factory.mktemp("outside"))
    assert volume.inspect({"volume": {"claimName": "data", "path": "pairs/*.jsonl"}}).rows == 5


@pytest.mark.parametrize("target", [".", "..", "sub"])
def test_links_in_a_circle_are_not_followed_round(volume, target: str) -> None:
    folder = volume.rows(ROWS, "deep/train.jsonl").root / "pairs" / "deep"
    (folder / "sub").symlink_to(target)
    assert volume.inspect().rows == 5


def test_directories_that_link_to_each_other_end(volume) -> None:
    one, other = store(volume, "one"), store(volume, "other")
    (other / "next").symlink_to(one)
    (one / "next").symlink_to(other)
    (volume.root / "pairs" / "first").symlink_to(one)
    assert volume.inspect().rows == 10


# Addresses.


def test_addresses_have_no_split_to_choose() -> None:
    with pytest.raises(InspectionError, match=r"no splits, so 'test'"):
        open_urls(["https://example.org/pairs.jsonl"], "test")


def test_an_address_may_be_named_with_its_split() -> None:
    assert open_urls(["https://example.org/test.jsonl?x=1"], "test").files


# A split that does not exist.


@pytest.mark.parametrize(
    ("written", "splits", "expected"),
    [
        ("training", ["test", "train"], "train"),
        ("Train", ["test", "train"], "train"),
        ("train", ["test_prefs", "test_sft", "train_prefs", "train_sft"], "train_prefs"),
        ("valid", ["test", "train", "validation"], "validation"),
        ("tset", ["test", "train"], "test"),
        ("all", ["default"], "default"),
    ],
)
def test_the_split_that_was_meant_is_suggested(
    written: str, splits: list[str], expected: str
) -> None:
    assert suggest_split(written, splits, evaluation=False) == f"dataset.split: {expected}"


def test_a_training_split_is_never_suggested_to_evaluate_on() -> None:
    suggestion = suggest_split("eval", ["train", "train_extra"], evaluation=True)
    assert suggestion.startswith("dataset.eval: {fraction:")
