"""The quick path over whole blocks and columns gives the very report of the path row by row."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.volume_fixture import make_bare_model, spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows, inspect
from dpojob_trainer.inspection.readers import jsonl
from dpojob_trainer.inspection.readers.json_rows import parse_line
from dpojob_trainer.inspection.readers.jsonl_arrow import newlines, parse_block
from dpojob_trainer.inspection.validation import batch_validator

WRITTEN = '[{"role": "assistant", "content": "a"}]'
words = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "a",
            "A",
            "b",
            "é",
            "\u00a0",
            "\0",
            "\ud800",
            "\udc00",
            "2020-01-01",
            "\u2028",
            WRITTEN,
        ]
    ),
    st.text(max_size=4),
)
turn = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "assistant", "system"]), "content": words}
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": words},
        optional={"score": st.integers(0, 3), "name": st.one_of(st.none(), words)},
    ),
    st.fixed_dictionaries(
        {
            "role": st.just("assistant"),
            "content": st.lists(
                st.fixed_dictionaries({"type": st.sampled_from(["text", "image"]), "text": words}),
                max_size=2,
            ),
        }
    ),
    st.fixed_dictionaries({"from": st.just("gpt"), "value": words}),
    st.none(),
)
user_message = st.builds(lambda text: {"role": "user", "content": text}, words)
answer_message = st.builds(lambda text: {"role": "assistant", "content": text}, words)


@st.composite
def conversation(draw: st.DrawFn) -> dict[str, Any]:
    opening = [
        *draw(st.lists(st.one_of(user_message, answer_message), max_size=2)),
        draw(user_message),
    ]
    return {
        "chosen": [*opening, draw(answer_message)],
        "rejected": [*opening, draw(answer_message)],
    }


odd = st.one_of(st.none(), st.integers(-1, 1), st.booleans(), st.floats(0, 1), words)
text = st.fixed_dictionaries({"prompt": words, "chosen": words, "rejected": words})
row = st.one_of(
    conversation(),
    conversation(),
    text,
    text,
    st.fixed_dictionaries(
        {
            "chosen": st.one_of(st.lists(turn, max_size=3), odd),
            "rejected": st.lists(turn, max_size=3),
        },
        optional={"prompt": st.one_of(words, st.lists(turn, max_size=2)), "extra": odd},
    ),
    st.fixed_dictionaries({"prompt": odd, "chosen": odd, "rejected": odd}, optional={"extra": odd}),
)
line = st.one_of(
    row.map(lambda value: json.dumps(value).encode()),
    row.map(lambda value: json.dumps(value).encode()),
    row.map(lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")),
)
nasty = st.sampled_from(
    [
        b"",
        b" ",
        b"\r",
        b"{}",
        b"{} {}",
        b"{",
        b"}",
        b"[1]",
        b"1",
        b"null",
        b'{"chosen":"a","chosen":"b"}',
        b'{"chosen":"a","rejected":"b","prompt":"p"}{"chosen":"a"}',
        b'{"chosen":"a\tb"}',
        b'{"chosen":"\xe9"}',
        b'{"chosen":"a"',
        b'{"a":{}',
        b'{"b":1}}',
        b'\xef\xbb\xbf{"chosen":"a"}',
        b'{"n":' + b"9" * 5000 + b"}",
        b'{"n":1e999}',
        b'{"n":NaN}',
        b'{"n":123456789012345678901234567890}',
        b'{"chosen":"\x00"}',
        b"\x00",
        b'{"chosen":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"a":' * 600 + b"1" + b"}" * 600,
    ]
)
block = st.builds(
    lambda usual, more, end, last: end.join([*usual, *more]) + last,
    st.lists(line, min_size=1, max_size=6),
    st.one_of(st.just([]), st.just([]), st.lists(st.one_of(nasty, line), max_size=4)),
    st.sampled_from([b"\n", b"\n", b"\r\n"]),
    st.sampled_from([b"\n", b"", b"\n\n"]),
)
datasets = st.sampled_from(
    [
        {},
        {"preset": "none"},
        {"invalidRows": "Drop", "maxDroppedShare": 1},
        {"columnMapping": {"messages": {"role": "from", "content": "value", "assistant": "gpt"}}},
        {"columnMapping": {"messages": {"content": "name"}}},
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(block)
@example(b'{"a":"2020-01-01"}\n{"a":"2021-01-01"}\n')
@example(b'{"a":{}\n{"b":1}}\n')
@example(b'{"a":1} {"a":2}\n{\n"a":3}\n')
def test_a_block_is_typed_only_as_its_lines_are_read(data: bytes) -> None:
    import pyarrow as pa

    table = parse_block(pa.py_buffer(data), newlines(data)) if data else None
    if table is None:
        return
    by_hand = [parse_line("rows", text, 1) for text in data.split(b"\n") if text.strip()]
    assert [_full(row) for row in table.to_pylist()] == [_full(row) for row in by_hand]
    seen = dict.fromkeys(name for row in by_hand for name in row)
    assert table.column_names == list(seen)


def _full(value: Any) -> Any:
    """Without the nulls that columns give to objects that lack a key; numbers as floats."""
    if isinstance(value, dict):
        return {key: _full(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_full(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return "NaN" if value != value else value


def test_plain_blocks_are_typed() -> None:
    """Without this, a quick path that took no block would agree too."""
    import pyarrow as pa

    for data in (
        b'{"prompt":"p","chosen":"a","rejected":"b"}\n' * 3,
        b'{"chosen":[{"role":"user","content":"q"}]}\r\n' * 3,
        '{"chosen":"é"}\n\n{"chosen":"\\u00e9"}'.encode(),
    ):
        assert parse_block(pa.py_buffer(data), newlines(data)) is not None


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(block, datasets, st.sampled_from([64, 500, 1 << 20]))
def test_both_paths_give_the_same_report(data: bytes, dataset: dict[str, Any], size: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        root = Path(name)
        make_bare_model(root / "model")
        (root / "pairs").mkdir()
        (root / "pairs" / "train.jsonl").write_bytes(data)
        patch.setattr(jsonl, "BLOCK_BYTES", size)
        quick = _told(dataset, root)
        patch.setattr(jsonl, "parse_block", lambda *_: None)
        patch.setattr(batch_validator, "validate_columns", lambda *_: None)
        assert quick == _told(dataset, root)


def _told(dataset: dict[str, Any], root: Path) -> Any:
    volumes = {"data": root}
    try:
        report = inspect(spec_of(dataset), volumes)
    except InspectionError as problem:
        return problem.message
    rows = list(accepted_rows(spec_of(dataset), report, volumes)) if report.valid else []
    return report.wire(), rows


DEEP = """
import sys
from pathlib import Path
from dpojob_trainer.inspection import InspectionError, inspect
from tests.kit.inspection.volume_fixture import spec_of
try:
    print(inspect(spec_of(), {"data": Path(sys.argv[1])}).wire())
except InspectionError as problem:
    print(problem.message)
"""


@pytest.mark.parametrize(
    "value", ["[" * 200_000 + "]" * 200_000, '{"a":' * 50_000 + "1" + "}" * 50_000]
)
def test_deep_nesting_ends_in_a_sentence(volume, value: str) -> None:
    """pyarrow overflows its stack there; in a process of its own, as that would end this one."""
    good = json.dumps({"prompt": "p", "chosen": "yes", "rejected": "no"})
    path = volume.root / "pairs" / "train.jsonl"
    path.parent.mkdir()
    path.write_text(f'{good}\n{{"prompt":"p","chosen":{value},"rejected":"no"}}\n')
    done = subprocess.run(
        [sys.executable, "-c", DEEP, str(volume.root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout == "pairs/train.jsonl, line 2 is nested too deeply\n"
