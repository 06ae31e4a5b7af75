"""Names and texts keep to the field's terms and docs/glossary.md: one word, one meaning."""

import re
from pathlib import Path

from tests.kit.repository import ROOT, members, tracked_files

INSPECTION = "trainer-image/src/dpojob_trainer/inspection"
TRAINING = "trainer-image/src/dpojob_trainer/training"
FORMER_MODULES = {
    "": """agreed arranged blame carry_out circumstances clocked complaints computing gate hints http_server judging
        oracles peers player pool_keeper pool_verdicts readable rhythm room seams settling spending suggesting
        surroundings theatre together turns unreadable verdict_column verdict_values votes walks words zygote""",
    "api": "names rules",
    "operator": """claim claims cluster dependencies draft effective ending facts observe observed outcome output outputs
        pods pools progress sharing stages text verdict work""",
    "planner": "choice fit options result sentences shape time",
    "cli": "beside documents inspecting machine planning text training",
    INSPECTION: """accepted buffers chunk content context document ending fault findings fingerprint heldout hub keys
        layout lines loading names objects open ordered output owned pair preferred problems quotes repeats repository
        resolve rows rules run sample scheduling schema screen stored stream subject summary table typed unused values
        verdict walk written""",
    TRAINING: """agent best curves describe failure finish lm_head output reporting run source stop tracker""",
    "devcluster": "export external gpus index_settings packages proxy recipes",
    "hack": "claims",
    "bench": "ours plain quiet",
    "tests": "bills decided draft naive normal queues recipes streams world",
}
"""Former names of modules and packages, by the folder below which none may have them; "" is the repository.

The field's term of some is the same word, so that it stays: `loop` of the training, `columns` of a dataset, `cluster`
of the command.
"""
FORMER_DEFINITIONS = {
    "": """CouldNotLook Considered Dialect Draft Hand Hints LeadsOut LeftOut Passing Peers PoolVerdict Prints Refused
        Room Rung Seals Seams Stranger Talks Verdict VerdictColumn VerdictValues Votes Within amiss in_turns lacking
        settle_figures until_one_ends""",
    "api": "Contract Observed",
    "operator": "Claim Observed Outputs Work",
    "planner": "Attempt Fit Job Need Outcome",
    "cli": "Answer refusal",
    "tests/kit": "Answer",
    INSPECTION: "Answers Columns Fault Judge Stored Subject broken survey",
    TRAINING: "Meeting enter flaw gather",
}
"""Former names of classes, functions and methods, by folder in the same way."""
PRIVATE_PHRASES = re.compile(
    r"\b(?:of so many|the last word|somebody(?!/)|what goes(?! wrong)|(?:comes|come|came) to (?:that|this|it)"
    r"|in its own words|(?:are|is|was) told(?! apart)|what parts fields|all columns come to|where they come to none"
    r"|once ended holds|told from|before anything asks)(?!\w)"
    r"|^ *(?:#|\"{3}) *(?-i:Of )",
    re.IGNORECASE | re.MULTILINE,
)
TEXTS = (".py", ".md", ".yaml", ".toml", ".js", ".j2", "")
VERDICTS = "trainer-image/src/dpojob_trainer/training/evaluation/"
ANY_DEFINITION = re.compile(r"^ *(?:class|(?:async )?def) (\w+)", re.MULTILINE)
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


def former(names: dict[str, str], path: Path) -> set[str]:
    """The former names that a file may not have or define."""
    return {
        word
        for folder, words in names.items()
        if path.is_relative_to(ROOT / folder)
        for word in words.split()
    }


def test_no_module_has_a_name_of_the_former_vocabulary() -> None:
    found = {
        name_of(path): sorted(names)
        for path in tracked(".py")
        if (names := former(FORMER_MODULES, path) & set(module_parts(path)))
    }
    assert found == {}


def module_parts(path: Path) -> list[str]:
    """The names of a module and of the packages that hold it, without those of a member's own package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return list(parts[parts.index("src") + 2 if "src" in parts else 1 :])


def test_no_class_or_function_has_a_name_of_the_former_vocabulary() -> None:
    found = {
        name_of(path): sorted(names)
        for path in tracked(".py")
        if (
            names := former(FORMER_DEFINITIONS, path)
            & set(ANY_DEFINITION.findall(path.read_text()))
        )
    }
    assert found == {}


def test_the_tables_name_folders() -> None:
    folders = [*FORMER_MODULES, *FORMER_DEFINITIONS]
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


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
