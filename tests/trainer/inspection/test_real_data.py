"""Real preference data with the result expected of each file, where the folder of such files is there.

The folder is not a part of the repository: `DPOJOB_REAL_DATA` names it, or it lies beside the checkout at
`shared/real-data`. `EXPECTED.tsv` there has a line for each file; `pytest -s` prints a table of them.
"""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.repository import ROOT

from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import InspectionError, inspect

PLACES = [
    Path(os.environ.get("DPOJOB_REAL_DATA", ROOT / "real-data")),
    *(parent / "shared" / "real-data" for parent in ROOT.parents[:2]),
]
FOLDER = next((place for place in PLACES if (place / "EXPECTED.tsv").is_file()), None)

pytestmark = pytest.mark.skipif(
    FOLDER is None, reason="no folder of real data: set DPOJOB_REAL_DATA to one with EXPECTED.tsv"
)
REFUSED = {
    "images": "images",
    "image parts": "type 'image'",
    "KTO": "KTO",
    "SFT": "SFT",
    "completions list": "ranking",
    "options without a verdict": "options",
    "audio paths": "media files",
}
"""What a message names, by a part of the expected result."""
WARNED = {
    "LengthBias": "LengthBias",
    "context not read": "MissingColumn",
    "chat tokens": "TemplateInText",
    "final newline": "WhiteSpacePair",
}
"""The code of a warning, by a part of the expected result."""
PRESETS = {"ultrafeedback-binarized": "ultrafeedback-binarized", "openai": "openai"}
"""The preset, by a part of the expected mapping."""
SHAREGPT = ("{from,value}", "messages {...}")
"""Parts of an expected mapping by which the messages have the keys of ShareGPT."""
WRITTEN = re.compile(r"columnMapping: (\{(?:[^{}]|\{[^{}]*\})*\})")
"""A mapping that a message tells to write."""
DROPPED = re.compile(r"write in spec\.dataset: (invalidRows: Drop), (maxDroppedShare: [\d.]+)\.")
"""What a message tells to write so that the other rows are trained on."""
VALID_AFTER_SUGGESTION = 0.95
FIELDS = ("prompt", "chosen", "rejected")


@dataclass(frozen=True)
class Expected:
    """A line of the table."""

    name: str
    result: str
    mapping: str
    rows: int

    @property
    def holds_pairs(self) -> bool:
        """Whether the file holds pairs that can be trained on, after a suggestion at most."""
        return self.result.startswith(("valid", "7 of 11 valid"))

    @property
    def is_read(self) -> bool:
        """Whether its columns have a meaning, though rows may be invalid."""
        return self.mapping != "-" and (self.holds_pairs or self.result.startswith("invalid"))

    @property
    def asks(self) -> bool:
        """Whether the user must say which answer is preferred."""
        return self.result.startswith(("undecided", "must be rewritten", "label is 1"))

    @property
    def columns(self) -> dict[str, str]:
        """The column of each field, as far as the table names it; the list of an instruction's parts as text."""
        named = re.findall(r"(prompt|chosen|rejected): (\w+)", self.mapping)
        element = re.findall(r"(\w+)\[(\d)\] (chosen|rejected)", self.mapping)
        joined = re.findall(r"join (\w+) and (\w+)", self.mapping)
        return {
            **dict(named),
            **{field: f"{column}.{index}" for column, index, field in element},
            **({"prompt": str([*joined[0]])} if joined else {}),
        }


def expected_files() -> list[Expected]:
    if FOLDER is None:
        return []
    with (FOLDER / "EXPECTED.tsv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    return [
        Expected(
            line["name"], line["expected_verdict"], line["expected_mapping"], int(line["rows"])
        )
        for line in lines
    ]


@dataclass(frozen=True)
class Found:
    """What inspection says of a file, and after its suggestion is followed once."""

    first: InspectionReport
    last: InspectionReport

    @property
    def messages(self) -> str:
        return " ".join(p.message for report in (self.first, self.last) for p in report.problems)

    @property
    def rows_by_code(self) -> dict[str, int]:
        """Invalid rows after the suggestion, those that it leaves out included."""
        errors = {str(problem.code): problem.rows for problem in self.last.errors}
        return {**errors, **self.last.dropped}


def spec_of(name: str, **dataset: Any) -> DPOJobSpec:
    return DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "model"}},
            "dataset": {"volume": {"claimName": "data", "path": name}, **dataset},
            "training": {"maxLength": 4096},
        }
    )


def look(name: str, model: Path) -> Found:
    assert FOLDER is not None
    spec, volumes = spec_of(name), {"model": model, "data": FOLDER}
    try:
        first = inspect(spec, volumes)
    except InspectionError as error:
        first = InspectionReport(valid=False, error=error.message)
    if first.valid or first.suggestion is None:
        return Found(first, first)
    return Found(first, inspect(follow(spec, first.suggestion), volumes))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), max_position_embeddings=32768)


@pytest.fixture(scope="module")
def found(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DPOJOB_SCRATCH", str(tmp_path_factory.mktemp("scratch")))
        return {file.name: look(file.name, model) for file in expected_files()}


@pytest.mark.parametrize("file", expected_files(), ids=lambda file: file.name)
def test_a_file_is_as_expected(file: Expected, found: dict[str, Found]) -> None:
    seen, result = found[file.name], file.result
    print(f"{file.name:32} {result[:60]:60} {'valid' if seen.last.valid else seen.rows_by_code}")
    if file.holds_pairs:
        assert seen.last.valid, seen.messages
        assert seen.last.rows == file.rows
        return
    assert not seen.first.valid
    counts = re.findall(r"(\d+) ([A-Z][a-z]+[A-Z][A-Za-z]+)", result)
    for rows, code in counts:
        assert seen.rows_by_code.get(code) == int(rows), seen.messages
    if counts:
        return
    # Without a count the file must not be trained on, whatever was suggested.
    assert not seen.last.valid
    for kind, word in REFUSED.items():
        if kind in result:
            assert word in seen.messages


@pytest.mark.parametrize(
    "file", [file for file in expected_files() if file.is_read], ids=lambda file: file.name
)
def test_its_columns_are_mapped_as_expected(file: Expected, found: dict[str, Found]) -> None:
    seen = found[file.name]
    mapped = seen.last.mapping.model_dump(include={*FIELDS}, exclude_none=True)
    columns = {field: str(column) for field, column in mapped.items()}
    assert {"chosen", "rejected"} <= columns.keys()
    if file.mapping != "none needed":
        assert file.columns.items() <= columns.items()
    else:
        assert all(field == column for field, column in columns.items())
        suggestion = seen.first.suggestion
        assert suggestion is None or not (suggestion.column_mapping or suggestion.preset)
    presets = [preset for part, preset in PRESETS.items() if part in file.mapping]
    assert seen.last.preset == (presets[0] if presets else "none")
    keys = seen.first.suggestion and seen.first.suggestion.column_mapping.get("messages")
    if any(part in file.mapping for part in SHAREGPT):
        assert keys is not None and {"role": "from", "content": "value"}.items() <= keys.items()
    else:
        assert keys is None
    assert (seen.last.mapping.tools is not None) == ("tools kept" in file.mapping)


@pytest.mark.parametrize("file", expected_files(), ids=lambda file: file.name)
def test_it_is_warned_about_as_expected(file: Expected, found: dict[str, Found]) -> None:
    wanted = {code for part, code in WARNED.items() if part in file.result}
    assert wanted <= {str(problem.code) for problem in found[file.name].last.warnings}


@pytest.mark.parametrize("file", expected_files(), ids=lambda file: file.name)
def test_invalid_rows_can_be_left_out_as_expected(
    file: Expected, found: dict[str, Found], model: Path
) -> None:
    seen = found[file.name]
    if "invalidRows: Drop" in file.result:
        assert seen.first.suggestion is not None
        assert seen.first.suggestion.invalid_rows == "Drop"
    if share := re.search(r"Drop with maxDroppedShare ([\d.]+)", file.mapping):
        told = DROPPED.search(seen.messages)
        assert told is not None and FOLDER is not None
        settings = yaml.safe_load("\n".join(told.groups()))
        assert settings["maxDroppedShare"] <= float(share[1])
        assert inspect(spec_of(file.name, **settings), {"model": model, "data": FOLDER}).valid


@pytest.mark.parametrize(
    "file", [file for file in expected_files() if file.asks], ids=lambda file: file.name
)
def test_each_mapping_that_is_offered_ends_valid(
    file: Expected, found: dict[str, Found], model: Path
) -> None:
    assert FOLDER is not None
    offered = [yaml.safe_load(text) for text in WRITTEN.findall(found[file.name].messages)]
    assert offered
    for mapping in offered:
        spec = spec_of(file.name, columnMapping=mapping, invalidRows="Drop")
        report = inspect(spec, {"model": model, "data": FOLDER})
        assert report.valid, [problem.message for problem in report.errors]
        assert file.columns.items() <= report.mapping.model_dump().items()


def test_nothing_is_accepted_that_should_not_be(found: dict[str, Found]) -> None:
    wrong = [
        file.name
        for file in expected_files()
        if found[file.name].first.valid and not file.holds_pairs
    ]
    assert wrong == []


def test_pairs_are_valid_after_one_suggestion_at_most(found: dict[str, Found]) -> None:
    holding = [found[file.name] for file in expected_files() if file.holds_pairs]
    valid = sum(seen.last.valid for seen in holding)
    at_once = sum(seen.first.valid for seen in holding)
    print(
        f"of {len(holding)} files with pairs {at_once} are valid at once, {valid} after a suggestion"
    )
    assert valid >= VALID_AFTER_SUGGESTION * len(holding)
