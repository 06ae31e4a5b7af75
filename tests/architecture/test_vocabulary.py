"""Names and texts keep to the field's terms and docs/glossary.md: one word, one meaning."""

import re
from pathlib import Path

from tests.kit.repository import ROOT, members, tracked_files

FORMER_MODULES = re.compile(
    r"""
    agreed | arranged | blame | carry_out | circumstances | clocked | complaints | computing |
    describe | draft | effective | ending | gate | hints | http_server | judging | oracles |
    peers | player | pool_keeper | pool_verdicts | quotes | readable | recipes | rhythm |
    room | screen | seams | settling | spending | stages | suggesting | surroundings |
    theatre | together | turns | unreadable | verdict_column | verdict_values | votes | walks |
    words | world | zygote
    """,
    re.VERBOSE,
)
"""Names of modules and packages that were metaphors, or words with a second meaning."""
FORMER_CLASSES = re.compile(
    r"""
    CouldNotLook | Considered | Dialect | Draft | Hand | Hints | LeadsOut | LeftOut | Passing |
    Peers | PoolVerdict | Prints | Refused | Room | Rung | Seals | Seams | Stranger | Talks |
    Verdict | VerdictColumn | VerdictValues | Votes | Within
    """,
    re.VERBOSE,
)
PRIVATE_PHRASES = re.compile(
    r"\b(?:of so many|the last word|somebody(?!/)|what goes(?! wrong)|(?:comes|come|came) to (?:that|this|it)"
    r"|in its own words|(?:are|is|was) told(?! apart))\b",
    re.IGNORECASE,
)
TEXTS = (".py", ".md", ".yaml", ".toml", ".js", ".j2", "")
VERDICTS = "trainer-image/src/dpojob_trainer/training/evaluation/"
DEFINITION = re.compile(r"^ *(?:class|def|async def) (\w*verdict\w*)", re.MULTILINE | re.IGNORECASE)


def tracked(*suffixes: str) -> list[Path]:
    """Files that git tracks, without lock files, recorded inputs of fuzzers and this test."""
    skipped = ("locks/", "tests/fuzz/regressions/", "LICENSE")
    return [
        path
        for path in tracked_files()
        if not name_of(path).startswith(skipped)
        and path.suffix in suffixes
        and path != Path(__file__)
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_module_has_a_name_of_the_former_vocabulary() -> None:
    names = {
        part for path in tracked(".py") for part in path.relative_to(ROOT).with_suffix("").parts
    }
    assert set(filter(FORMER_MODULES.fullmatch, names)) == set()


def test_no_class_has_a_name_of_the_former_vocabulary() -> None:
    found = {
        name
        for path in tracked(".py")
        for name in re.findall(r"^ *class (\w+)", path.read_text(), re.MULTILINE)
    }
    assert set(filter(FORMER_CLASSES.fullmatch, found)) == set()


def test_no_text_has_private_phrases() -> None:
    found = {
        f"{name_of(path)}: {match[0]}"
        for path in tracked(*TEXTS)
        for match in PRIVATE_PHRASES.finditer(path.read_text(errors="replace"))
    }
    assert found == set()


def test_a_verdict_is_what_an_evaluation_decides() -> None:
    modules = [module for member in members() for module in member.modules()]
    found = {
        f"{name_of(path)}: {name}"
        for path in modules
        if not name_of(path).startswith(VERDICTS)
        for name in [*DEFINITION.findall(path.read_text()), *re.findall("verdict", path.stem)]
    }
    assert found == set()


def test_the_terms_of_the_glossary_are_sorted_and_each_has_one_line() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE
    )
    terms = [term.lower() for term in rows[1:]]
    assert terms == sorted(set(terms)) and len(terms) > 25
