"""Files as kubectl reads them, and messages that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dpojob.errors import CommandError
from dpojob.input_files.yaml_loader import parse_documents, read_manifest
from dpojob_api.manifest import ManifestError

GOOD = """\
apiVersion: dpojob.dev/v1alpha1
kind: DPOJob
metadata: {name: t}
spec:
  model: {repo: a/b}
  dataset: {repo: c/d}
"""


def error_message(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "job.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CommandError) as caught:
        read_manifest(str(path))
    assert caught.value.code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-6", 5e-6), ("5.0e-6", 5e-6), ("1E3", 1e3), (".5", 0.5), ("12", 12), ("0x10", 16),
        ("2026-01-01", "2026-01-01"), ("1:30", "1:30"), ("1h30m", "1h30m"), ("yes", True),
        ("'20.00'", "20.00"), ("20.00", 20.0), ("~", None), ("a100", "a100"), ("1.5B", "1.5B"),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_mean_to_kubectl(text: str, value: object) -> None:
    (document,) = parse_documents(f"x: {text}")
    assert document.value == {"x": value}
    assert type(document.value["x"]) is type(value)


def test_problems_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace("repo: c/d", "reop: c/d") + "  training:\n    learning_rate: 1\n    beta: 0\n"
    )
    lines = error_message(tmp_path, text).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "line 6",
        "line 6",
        "line 8",
        "line 9",
    ]
    assert "write spec.training.learningRate" in lines[3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [1, 2", "line 1: not YAML"),
        ("a: 1\na: 2\n", "line 2: a is given twice"),
        (
            "spec:\n\tmodel: x\n",
            "line 2: not YAML: found character '\\t' that cannot start any token; "
            "YAML is indented with spaces: replace the tab by spaces",
        ),
        (
            "spec:\n  model: x\n   dataset: y\n",
            "line 3: not YAML: mapping values are not allowed here; "
            "put the value in quotes where it holds ': ', or align the line with those of its level",
        ),
        (
            "spec:\n    model: x\n  dataset: y\n",
            "line 3: not YAML: expected <block end>, but found "
            "'<block mapping start>'; this line is indented otherwise than the lines of its level: "
            "give them the same spaces (2 spaces here, 4 spaces there)",
        ),
        (
            "spec:\n  model: {repo: a/b}\n   dataset: {repo: c/d}\n",
            "give them the same spaces (3 spaces here, 2 spaces there)",
        ),
        (
            "spec:\n  model: x\n   dataset: y\n",
            "(3 spaces here, 2 spaces in the line above)",
        ),
        ("spec:\n  - model: x\n  dataset: y\n", "a mapping's fields do not: keep to one of them"),
        ("a:\n  beta:0.1\n  seed: 1\n", "line 2 has no space behind the colon: write beta: 0.1"),
        ("a: [1, 2", "a list that begins with [ ends with ]"),
        ("a: {b: 1", "a mapping that begins with { ends with }"),
        ("a: 'x\n", "a quote is opened here and not closed"),
        ("a: @x\n", "put the value in quotes, since it begins with a special character"),
        ("```yaml\na: 1\n```\n", "remove the lines with ```, which are Markdown's"),
        ("a:\n  beta: {{ .Values.beta }}\n", "of a template, such as Helm's: render it first"),
        ("a:\n  beta = 0.1\n  c: 1\n", "line 2 has an equals sign for a colon: write beta: 0.1"),
        ("a: *.parquet\n", "put the value in quotes, since it begins with * or &"),
        ("a: !x y\n", "put the value in quotes, since it begins with !"),
        ("spec:\n  model\n  dataset: y\n", "not YAML: mapping values are not allowed here"),
        ("spec:\nmodel\n", "a field is written as name: value, with a space behind the colon"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("- just\n- a list\n", "a manifest is a mapping"),
        ("hello", "a manifest is a mapping"),
        ("[" * 5000, "nested too deeply"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: 1\nb: \x00", "line 2: not YAML: the character U+0000"),
        (GOOD + "---\n" + GOOD, "2 DPOJobs"),
        (GOOD.replace("v1alpha1", "v2"), "write dpojob.dev/v1alpha1"),
    ],
)
def test_bad_files_are_explained(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert expected in error_message(tmp_path, content)


def test_a_byte_order_mark_and_other_documents_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    others = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\n"
    path.write_bytes(b"\xef\xbb\xbf" + (others + GOOD).encode())
    found = read_manifest(str(path))
    assert found.job is not None and found.others == 1


@pytest.mark.parametrize("place", ["/no/such/file", "/"])
def test_a_file_that_is_none_is_named(place: str) -> None:
    with pytest.raises(CommandError, match=place):
        read_manifest(place)


def test_a_mistyped_file_gets_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/helpful.yaml").write_text(GOOD)
    (tmp_path / "jobs/other.yaml").write_text(GOOD)
    for written in ("jobs/helpfull.yaml", "jbos/helpful.yaml"):
        with pytest.raises(CommandError) as caught:
            read_manifest(str(tmp_path / written))
        assert str(caught.value).endswith(f"did you mean {tmp_path}/jobs/helpful.yaml?")
    with pytest.raises(CommandError, match=r"no such file$"):
        read_manifest(str(tmp_path / "jobs/a.txt"))


def test_an_anchor_may_be_used_twice() -> None:
    (document,) = parse_documents("a: &x {b: 1}\nc: *x\n")
    assert document.value == {"a": {"b": 1}, "c": {"b": 1}}


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "expected"), [("a: &x [*x]", "nested too deeply"), (BOMB, "more than 100,000 values")]
)
def test_aliases_cannot_make_a_file_endless(text: str, expected: str) -> None:
    with pytest.raises(ManifestError, match=expected):
        list(parse_documents(text))
