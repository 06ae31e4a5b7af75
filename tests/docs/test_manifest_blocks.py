"""Every manifest in the documentation is one that the API server accepts, and the Python example fits the client."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from tests.kit.documentation.command_blocks import pages
from tests.kit.documentation.manifest_blocks import (
    BLOCK,
    NOT_CHECKED,
    PART,
    ManifestBlock,
    manifest_blocks,
)
from tests.kit.repository import ROOT

from dpojob import Client, DPOJob
from dpojob_api.manifest.checks import check_document

GENERATED = ROOT / "docs/reference/problems.md"
"""Its datasets are inspected by `hack/generators/problems.py`."""
PAGES = [page for page in pages() if page != GENERATED]
LANGUAGES = {"console", "yaml", "mermaid", "text", "{toctree}"}
"""The languages of blocks with a test here or in test_command_blocks, or without anything to execute."""
COMMANDS = r"dpojob|docker|hack/\S+|helm|kubectl|make|pip|pytest|python3?|\.venv/\S+"
PYTHON_PAGE = ROOT / "docs/python.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_manifest_is_accepted_or_says_why_it_is_not_checked(page: Path) -> None:
    for block in manifest_blocks(page):
        if block.mark is not None and block.mark.startswith(NOT_CHECKED):
            assert block.mark != NOT_CHECKED
            continue
        assert block.mark is None or PART.fullmatch(block.mark), block.mark
        for manifest in block.manifests:
            errors = [message for _, message in check_document(manifest)]
            assert errors == [], manifest


@pytest.mark.parametrize(
    ("mark", "document", "error"),
    [
        (None, {"spec": {"budget": {"maxCost": "20"}}}, "kind is"),
        ("part of a DPOJob", {"spec": {"budget": {"maxCosts": "20"}}}, "maxCosts"),
        ("part of a DPOJob", {"datasets": {"repo": "a/b"}}, "datasets"),
        ("part of a GPUPool", {"spec": {"pods": {}}}, "pods"),
    ],
)
def test_a_wrong_manifest_is_found(mark: str | None, document: object, error: str) -> None:
    (manifest,) = ManifestBlock(mark, (document,)).manifests
    assert error in "; ".join(message for _, message in check_document(manifest))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_block_has_a_language_whose_blocks_are_tested(page: Path) -> None:
    text = page.read_text()
    languages = re.findall(r"^ *```(\S*)$", text, re.MULTILINE)[::2]
    assert set(languages) <= LANGUAGES | ({"python"} if page == PYTHON_PAGE else set())
    # A comment that belongs to no block would go unnoticed.
    assert languages.count("yaml") == len(BLOCK.findall(text))
    # Nor is a block without a fence, by four spaces, anything but output.
    outside = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert re.findall(rf"\n\n    (?:\$ )?(?:{COMMANDS}) .*", outside) == []


def test_the_python_example_fits_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PYTHON_PAGE.read_text(), re.DOTALL)
    client = create_autospec(Client)
    opened = client.return_value.__enter__.return_value = create_autospec(Client, instance=True)
    seen = DPOJob.model_validate(
        {
            "metadata": {"name": "helpful-qwen"},
            "spec": {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}},
            "status": {"phase": "Complete"},
        }
    )
    opened.watch.return_value = iter([seen])
    monkeypatch.setattr("dpojob.Client", client, raising=False)
    exec(example, {})
    client.assert_called_once_with(namespace="team-a")
    (job,) = opened.create.call_args.args
    assert list(check_document(job.model_dump(mode="json", by_alias=True, exclude_none=True))) == []
    opened.download.assert_called_once_with("helpful-qwen")
