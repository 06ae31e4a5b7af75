"""`dpojob inspect --html`: one page that is safe whatever the rows hold, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kit.cli.command_runner import run
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, job, pairs

SECRET = "AKIAQ3EGRVZX7TSWAB2C"
HOSTILE = [
    "turned \u202e round \x1b[31m",
    "<script>document.title = 'pwned'</script>",
    "\"'><img src=x onerror=\"document.title='pwned'\">",
    "</style></title></textarea>--><svg onload=\"document.title='pwned'\">",
    "{{ 7 * 7 }}{% raw %}",
    "<a href='javascript:alert(1)'>x</a><iframe src='https://example.com'></iframe>",
    f"my key is {SECRET}",
    "wide" * 300,
]
PROBE = (
    "<script>addEventListener('load', () => { document.title = [document.title, "
    "document.documentElement.scrollWidth, document.querySelectorAll('svg rect').length, "
    "document.querySelectorAll('.text b').length, "
    "document.querySelectorAll('img,iframe,a,svg[onload]').length].join('|'); })</script>"
)
PHONE = (390, 844)


def dumped(page: Path) -> str:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "install Debian's chromium for this test"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    size = "--window-size={},{}".format(*PHONE)
    done = subprocess.run(
        [browser, *flags, size, "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def page(claim: ClaimDirectory, manifest: WriteManifest, tmp_path: Path) -> Path:
    """The page of a dataset with a hostile row for each kind of place that shows rows."""
    rows = pairs(40)
    for number, text in enumerate(HOSTILE):
        rows[number] = {"prompt": f"p {text}", "chosen": f"yes {text}", "rejected": f"no {text}"}
        rows.append({"prompt": text, "chosen": text, "rejected": text})
        rows.append({"prompt": f"q {text}", "chosen": "I don't know.", "rejected": text})
    claim.write([{f"{name}<b>": text for name, text in row.items()} for row in rows])
    mapping = {name: f"{name}<b>" for name in ("prompt", "chosen", "rejected")}
    curated = {"columnMapping": mapping, "invalidRows": "Drop", "maxDroppedShare": 0.5}
    dataset = {**claim.dataset, **curated, "eval": {"fraction": 0}}
    written = tmp_path / "report.html"
    result = run(
        "inspect", "-f", manifest(job(claim.model, dataset)), "--volume", claim.option,
        "--html", written,
    )  # fmt: skip
    assert result.code == 0, result.out + result.err
    assert SECRET not in result.out
    return written


def test_an_invalid_dataset_has_its_lengths_and_balance_too(
    claim: ClaimDirectory, manifest: WriteManifest, tmp_path: Path
) -> None:
    rows = pairs(40)
    rows[7]["rejected"] = rows[7]["chosen"]
    claim.write(rows)
    written = tmp_path / "report.html"
    result = run(
        "inspect", "-f", manifest(job(claim.model, claim.dataset)), "--volume", claim.option,
        "--html", written,
    )  # fmt: skip
    assert result.code == 1, result.out + result.err
    text = written.read_text(encoding="utf-8")
    assert "<b>INVALID</b>: 40 rows, 39 valid" in text and "1 error," in text
    assert '<b class="error">error IdenticalPair</b> in 1 row</p>' in text
    assert text.count("<svg") == 2 and "prompt + longer answer, 95% up to" in text
    assert "What training sees" not in text


def test_the_page_holds_validity_problems_suspects_and_what_training_sees(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<b>VALID</b>" in text
    assert "IdenticalPair" in text and "SwappedPair" in text and "Secret" in text
    assert "What training sees" in text and "is a token of an answer" in text
    assert SECRET not in text and "AKIA…[AWS access key, 20 characters]" in text
    assert "\u202e" not in text and "\\u202e" in text and "\x1b" not in text
    assert not re.search(r"""<(script|link|img|iframe|a)\b|@import|url\(""", text)
    answer = re.search(r"<small>chosen</small>\n((?:<b>.*?</b>)+)</div>", text, re.DOTALL)
    assert answer is not None and "yes" in answer[1]


def test_a_browser_finds_nothing_but_text_in_hostile_rows(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    as_written = dumped(page)
    assert "<title>data/train.jsonl – DPOJob inspection</title>" in as_written
    # Without the page's own policy, scripts in rows would run if they were not escaped.
    probed = tmp_path / "probed.html"
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert without_policy != text
    probed.write_text(without_policy.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    seen = re.search(r"<title>(.*?)\|(\d+)\|(\d+)\|(\d+)\|(\d+)</title>", dumped(probed))
    assert seen is not None
    assert seen[1] == "data/train.jsonl – DPOJob inspection"
    # Headless Chromium's narrowest window is 500; nothing may reach beyond the window.
    assert int(seen[2]) <= 500
    assert int(seen[3]) >= 12, "bars of both charts"
    assert int(seen[4]) >= 20, "tokens of answers are marked"
    assert int(seen[5]) == 0


def test_an_invalid_dataset_has_a_page_too(
    claim: ClaimDirectory, manifest: WriteManifest, tmp_path: Path
) -> None:
    claim.write([{"prompt": "p", "chosen": "\ud800", "rejected": "no"}])
    written = tmp_path / "report.html"
    path = manifest(job(claim.model, claim.dataset))
    result = run("inspect", "-f", path, "--volume", claim.option, "--html", written, "--json")
    assert result.code == 1 and json.loads(result.out)["valid"] is False
    text = written.read_text(encoding="utf-8")
    assert "<b>INVALID</b>" in text and "\\ud800" in text and "What training sees" not in text


def test_a_page_that_cannot_be_written_is_reported(
    claim: ClaimDirectory, manifest: WriteManifest, tmp_path: Path
) -> None:
    path = manifest(job(claim.model, claim.dataset))
    missing = tmp_path / "no" / "report.html"
    result = run("inspect", "-f", path, "--volume", claim.option, "--html", missing)
    assert result.code == 2 and "cannot be written" in result.err
