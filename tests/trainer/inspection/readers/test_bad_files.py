"""Files that are not what they say end in one clear sentence, never in a traceback."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows

ROW = {"prompt": "p", "chosen": "yes", "rejected": "no"}
LINE = json.dumps(ROW).encode() + b"\n"


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def arrow(rows: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def twins(name: str) -> bytes:
    text = pa.array(["a"])
    sink = pa.BufferOutputStream()
    names = ["prompt", name, "rejected", name]
    pq.write_table(pa.Table.from_arrays([text] * 4, names=names), sink)
    return sink.getvalue().to_pybytes()


UNREADABLE = [
    ("cut.parquet", parquet([ROW] * 50)[:-20], "not a whole Parquet file"),
    ("middle.parquet", parquet([ROW] * 50)[:300], "not a whole Parquet file"),
    ("noise.parquet", b"PAR1" + bytes(range(256)) * 4 + b"PAR1", "not a whole Parquet file"),
    ("text.parquet", LINE, "does not begin with PAR1"),
    ("half.jsonl", LINE * 3 + LINE[:20], "line 4"),
    ("latin1.jsonl", LINE + '{"prompt": "é"}'.encode("latin-1"), "line 2, byte 13: not UTF-8"),
    ("page.jsonl", b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
    ("page.parquet", b"\n<html>", "a web page"),
    ("empty.jsonl", b"", "is empty"),
    ("empty.parquet", b"", "is empty"),
    ("utf16.jsonl", LINE.decode().encode("utf-16"), "UTF-16"),
    ("pointer.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    ("zip.jsonl", b"PK\x03\x04rest", "zip archive"),
    ("list.json", b"[" + LINE.strip() + b", " + LINE[:12], "cut short"),
    ("unclosed.json", b"[" + LINE.strip() + b"\n", "cut short"),
    ("numbers.json", b"[1, 2]", "not an object"),
    ("document.jsonl", json.dumps(ROW, indent=2)[:-9].encode(), "line 4, character"),
    ("onward.jsonl", json.dumps(ROW, indent=2).encode() + b"\n7\n", "holds more than objects"),
    ("comma.jsonl", LINE[:20] + b",\n" + LINE, "line 1, character"),
    ("lists.jsonl", b'["a", "b"]\n["c", "d"]\n', "element 0 of the list is str"),
    ("two-lists.jsonl", (b"[" + LINE.strip() + b"]\n") * 2, "goes on after the end of its list of 1 rows"),
    ("numbers.jsonl", b"1\n2\n", "line 1 holds int"),
    ("cut.jsonl.gz", gzip.compress(LINE * 900)[:-30], "cut short"),
    ("not.jsonl.gz", b"\x1f\x8bnothing", "cut short"),
    ("deep.jsonl", b'{"prompt":' + b"[" * 100_000, ""),
    ("cut.arrow", arrow([ROW] * 50)[:-200], ""),
    ("twice.jsonl", LINE + b'{"prompt":"p","chosen":"a","chosen":"b"}\n', "line 2: the key 'chosen' occurs twice"),
    ("twice.json", b'[{"prompt":"p","chosen":"a","chosen":"b"}]', "the key 'chosen' occurs twice"),
    ("onward.json", b"[" + LINE + b"]\n[" + LINE + b"]", "goes on after the end of its list of 1 row"),
    ("commas.json", b"[" + LINE + LINE + b"]", "no comma follows row 0"),
    ("latin1.csv", "prompt,chosen,rejected\np,a,b\np,café,b\n".encode("latin-1"), "line 3, byte 6: not UTF-8"),
    ("ragged.csv", b"prompt,chosen,rejected\np,a,b\np,a\n", "line 3: 2 fields where the header line has 3"),
    ("open.csv", b'prompt,chosen,rejected\np,a,b\np,a,"b\n', "line 3: unexpected end of data; is a quote"),
    ("stray.csv", b'prompt,chosen,rejected\np,a,"b\np,a,"c\n', "line 3: ',' expected after"),
    ("blank.csv", b"\n\n", "no header line"),
    ("twice.csv", b"prompt,chosen,chosen,rejected\np,a,b,c\n", "two columns named 'chosen'"),
    ("twice.parquet", twins("chosen"), "two columns named 'chosen'"),
    ("noise.csv", b'prompt,chosen,rejected\n"a,b\n', ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "phrase"), UNREADABLE, ids=[case[0] for case in UNREADABLE]
)
def test_a_damaged_file_is_named(volume, name: str, data: bytes, phrase: str) -> None:
    path = volume.root / "pairs" / name
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(InspectionError) as caught:
        volume.inspect()
    assert caught.value.reason == "DatasetUnreadable"
    assert name in caught.value.message
    assert phrase in caught.value.message


READABLE = [
    ("bom.jsonl", b"\xef\xbb\xbf" + LINE * 2),
    ("bom.json", b"\xef\xbb\xbf[" + LINE.strip() + b"," + LINE.strip() + b"]"),
    ("blank.jsonl", b"\n\n" + LINE + b"\n  \n" + LINE),
    ("windows.jsonl", LINE.replace(b"\n", b"\r\n") * 2),
    ("lines.json", LINE * 2),
    ("pretty.json", json.dumps([ROW, ROW], indent=2).encode()),
    ("data.json", json.dumps({"version": 1, "data": [ROW, ROW]}).encode()),
    ("list.jsonl", json.dumps([ROW, ROW]).encode()),
    ("list-over-lines.jsonl", b"\xef\xbb\xbf" + json.dumps([ROW, ROW], indent=2).encode()),
    ("list.ndjson.gz", gzip.compress(b"[\n" + LINE.strip() + b",\n" + LINE + b"]\n")),
    ("flat.json", json.dumps({"data": [ROW, ROW]}).encode()),
    ("data.jsonl", json.dumps({"version": 1, "data": [ROW, ROW]}, indent=2).encode()),
    ("flat.jsonl", json.dumps({"data": [ROW, ROW]}).encode() + b"\n"),
    ("rows-by-line.jsonl", b'{"data": [\n' + LINE + b"," + LINE + b"]}"),
    ("indented.jsonl", (json.dumps(ROW, indent=2).encode() + b"\n") * 2),
    ("indented.json", b"\xef\xbb\xbf" + json.dumps(ROW, indent=4).encode() * 2),
    ("one.parquet", parquet([ROW] * 2)),
    ("one.arrow", arrow([ROW] * 2)),
    ("two.jsonl.gz", gzip.compress(LINE * 2)),
    ("two.jsonl.zst", pa.compress(LINE * 2, codec="zstd", asbytes=True)),
    ("two.csv", b"prompt,chosen,rejected\np,yes,no\np,yes,no\n"),
    ("quoted.csv", b'prompt,chosen,rejected\n"p\nq","yes, yes",no\np,yes,42\n'),
    ("semicolons.csv", b'prompt;chosen;rejected\n"p;q";yes;no\np;yes;no\n'),
    ("number.json", b"[" + LINE.strip() + b', {"prompt":"p","chosen":"a","rejected":"b","n":' + b"9" * 5000 + b"}]"),
    ("inches.csv", b'prompt,chosen,rejected\n5" disk,"a ""b""",no\np,yes,no\n'),
    ("two.tsv", b"prompt\tchosen\trejected\np\tyes\tno\np\tyes\tno\n"),
    ("two.csv.gz", gzip.compress(b"prompt,chosen,rejected\np,yes,no\np,1,2\n")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), READABLE, ids=[case[0] for case in READABLE])
def test_every_format_is_read(volume, name: str, data: bytes) -> None:
    path = volume.root / "pairs" / name
    path.parent.mkdir()
    path.write_bytes(data)
    report = volume.inspect()
    assert report.valid, report.problems
    assert report.rows == report.valid_rows == 2
    assert report.columns[:3] == ["prompt", "chosen", "rejected"]
    assert len(list(accepted_rows(spec_of(), report, volume.volumes))) == 2


def test_dates_stay_text(volume) -> None:
    rows = [
        {"prompt": f"when {i}", "chosen": "2020-01-01", "rejected": "2021-02-03"} for i in range(3)
    ]
    report = volume.rows(rows).inspect()
    assert report.valid, report.problems
    assert next(accepted_rows(spec_of(), report, volume.volumes))["chosen"] == "2020-01-01"


def test_an_empty_folder_and_a_missing_one(volume) -> None:
    (volume.root / "pairs").mkdir()
    with pytest.raises(InspectionError, match="the directory is empty") as caught:
        volume.inspect()
    assert caught.value.reason == "DatasetNotFound"
    (volume.root / "pairs").rmdir()
    with pytest.raises(
        InspectionError, match="'pairs' is not on the claim 'data'; its root holds: model"
    ):
        volume.inspect()
    (volume.root / "pair").mkdir()
    with pytest.raises(InspectionError, match=r"holds: model, pair\. Did you mean pair\?"):
        volume.inspect()
    with pytest.raises(InspectionError, match="--volume data=DIR"):
        volume.volumes = {}
        volume.inspect()


def test_an_empty_parquet_has_no_rows(volume) -> None:
    path = volume.root / "pairs" / "train.parquet"
    path.parent.mkdir()
    schema = pa.schema([(name, pa.string()) for name in ROW])
    pq.write_table(schema.empty_table(), path)
    report = volume.inspect()
    assert codes(report) == {"EmptyDataset": 0}
    assert report.columns == list(ROW)


def test_a_null_in_the_last_of_many_rows(volume) -> None:
    count = 200_000
    columns = {
        "prompt": [f"p{i}" for i in range(count)],
        "chosen": ["yes"] * (count - 1) + [None],
        "rejected": ["no"] * count,
    }
    path = volume.root / "pairs" / "train.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table(columns), path, row_group_size=50_000)
    report = volume.inspect()
    assert codes(report) == {"NullValue": 1}
    assert report.errors[0].examples == [count - 1]
    assert report.valid_rows == count - 1


def test_a_50_mb_row(volume) -> None:
    report = volume.rows([ROW, {**ROW, "chosen": "x" * (50 << 20)}, ROW]).inspect()
    assert report.rows == 3 and report.valid
    assert report.lengths.chosen.max == 50 << 20


def test_a_large_row_among_many_of_a_csv_file(volume) -> None:
    path = volume.root / "pairs" / "train.csv"
    path.parent.mkdir()
    plain = "".join(f"p{i},yes,no {'x' * 900}\n" for i in range(20_000))
    path.write_text(f"prompt,chosen,rejected\n{plain}p,{'x' * (20 << 20)},no\n{plain}")
    report = volume.inspect()
    assert report.rows == report.valid_rows == 40_001
    assert report.quality.duplicate_rows == 20_000


def test_bytes_instead_of_text(volume) -> None:
    path = volume.root / "pairs" / "train.parquet"
    path.parent.mkdir()
    pq.write_table(
        pa.table({name: pa.array([value.encode()]) for name, value in ROW.items()}), path
    )
    report = volume.inspect()
    assert codes(report) == {"WrongType": 1}
    assert "'chosen' is bytes, not text; write the column as text" in report.errors[0].message


def test_deeply_nested_tools(volume) -> None:
    deep = json.loads("[" + '{"a":' * 890 + "1" + "}" * 890 + "]")
    report = volume.rows([ROW, {**ROW, "tools": deep}]).inspect()
    assert codes(report) == {"WrongType": 1}
    assert "nested too deeply" in report.errors[0].message


@pytest.mark.parametrize(
    "cast", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
)
def test_text_in_any_layout_of_arrow(volume, cast: pa.DataType) -> None:
    path = volume.root / "pairs" / "train.arrow"
    path.parent.mkdir()
    plain = pa.table({name: [value, value] for name, value in ROW.items()})
    columns = [column.cast(cast) for column in plain.columns]
    table = pa.table(columns, names=plain.column_names)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    assert volume.inspect().valid


def test_bytes_that_are_no_text(volume) -> None:
    path = volume.root / "pairs" / "train.parquet"
    path.parent.mkdir()
    bad = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"prompt": ["p", "q"], "chosen": bad, "rejected": ["a", "b"]}), path)
    report = volume.inspect()
    assert codes(report) == {"WrongType": 1}
    assert report.errors[0].examples == [1]
    assert "'chosen' is not UTF-8 text" in report.errors[0].message


def test_a_number_column(volume) -> None:
    report = volume.rows([{**ROW, "chosen": 1}, {**ROW, "chosen": 2}]).inspect()
    assert codes(report) == {"WrongType": 2}


def test_files_whose_schemas_differ(volume) -> None:
    folder = volume.root / "pairs"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([ROW, ROW]), folder / "part-1.parquet")
    pq.write_table(
        pa.Table.from_pylist([{"prompt": "p", "chosen": "a"}]), folder / "part-2.parquet"
    )
    pq.write_table(pa.Table.from_pylist([{**ROW, "extra": 1}]), folder / "part-10.parquet")
    report = volume.inspect()
    assert codes(report) == {"MissingColumn": 1}
    assert report.errors[0].examples == [2]
    assert "part-2.parquet have no column 'rejected'" in report.errors[0].message
    assert "extra" in report.columns


def test_nuls_and_odd_characters_are_text(volume) -> None:
    report = volume.rows(
        [{"prompt": "a\0b", "chosen": "\u202e\u0007yes", "rejected": "\ufeffno"}]
    ).inspect()
    assert report.valid, report.problems


def test_a_null_among_the_messages(volume) -> None:
    """pyarrow reads it into an array whose use crashes the process."""
    messages = [None, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    good = {
        "chosen": messages[1:],
        "rejected": [messages[1], {"role": "assistant", "content": "b"}],
    }
    report = volume.rows([good, {"chosen": messages, "rejected": messages[1:]}]).inspect()
    assert codes(report) == {"BadMessage": 1}
    assert report.errors[0].examples == [1]
