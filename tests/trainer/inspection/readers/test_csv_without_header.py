"""CSV and TSV files without a header line: rows are not lost, and the user says which column is which."""

from __future__ import annotations

import pytest

ROWS = [
    (
        "What is the capital of this country?",
        f"The capital of it is number {n}",
        f"I do not know that at all {n}",
    )
    for n in range(5)
]
MAPPING = {"prompt": "column_1", "chosen": "column_2", "rejected": "column_3"}


def written(volume, lines: list[str], name: str):
    (volume.root / "pairs").mkdir()
    (volume.root / "pairs" / name).write_text("".join(line + "\n" for line in lines))
    return volume


@pytest.mark.parametrize("quoted", [False, True], ids=["by blocks", "strictly"])
@pytest.mark.parametrize(("name", "separator"), [("train.tsv", "\t"), ("train.csv", ";")])
def test_the_first_line_is_a_row(volume, name: str, separator: str, quoted: bool) -> None:
    lines = [separator.join(row) for row in ROWS]
    if quoted:
        lines.append(
            separator.join(('"Who said ""so""?"', "Nobody said so to me", 'No "idea" at all'))
        )
    report = written(volume, lines, name).inspect()
    assert report.columns == list(MAPPING.values())
    assert "The file has no header line" in report.errors[0].message
    mapped = volume.inspect({"columnMapping": MAPPING})
    assert mapped.valid and mapped.rows == len(lines)


@pytest.mark.parametrize(
    "row",
    ["What is {0} + 1?\t{1}\t{0}", "{0}\tWhat comes next?\tten\tnine", "Name a colour.\tred\tloud"],
)  # fmt: skip
def test_a_short_first_line_that_reads_like_the_others_is_a_row(volume, row: str) -> None:
    lines = [row.format(n, n + 1) for n in range(5)]
    report = written(volume, lines, "train.tsv").inspect()
    assert report.rows == len(lines)
    assert report.columns[0] == "column_1"


@pytest.mark.parametrize(("row", "last"), [("{0} yes.\t{0} no.", 2), ("{0}\tq?\tyes\tno", 4)])
def test_only_columns_that_are_there_are_named(volume, row: str, last: int) -> None:
    report = written(volume, [row.format(n) for n in range(5)], "train.tsv").inspect()
    assert report.columns[-1] == f"column_{last}"
    assert "The file has no header line" in report.errors[0].message
    assert f"column_{last + 1}" not in report.errors[0].message


@pytest.mark.parametrize(
    "header",
    ["prompt\tthe answer that most people liked better\tthe answer that few people liked at all",
     "prompt\tchosen\trejected", "a\tb\tc", "0\t1\t2"],
)  # fmt: skip
def test_a_line_of_names_is_no_row(volume, header: str) -> None:
    report = written(volume, [header, *("\t".join(row) for row in ROWS)], "train.tsv").inspect()
    assert report.rows == len(ROWS)
    assert report.columns == header.split("\t")
