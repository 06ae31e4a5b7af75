"""No regular expression of inspection takes more than linear time, whatever text a tenant writes."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from tests.kit.inspection.regex_steps import literals, search_steps

import dpojob_trainer

ROOT = Path(dpojob_trainer.__file__).parent
REPETITIONS = 16
LINEAR = 3
"""Twice the text doubles linear work and quadruples quadratic work."""
UNITS = ["\n", " ", "a", "1", "_", "a_"]
NEARLY = "\x00"
"""No pattern matches it, so that a search fails only at the text's end."""


def sources() -> list[Path]:
    files = [*(ROOT / "inspection").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]
    return [path for path in files if path.name != "generate.py"]


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr != "escape"
        ):
            yield node


def compiled(name: str, value: object) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The patterns of a constant, those of a table included, and of a function that compiles one at its first call."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif name.endswith("_patterns") and hasattr(value, "cache_info"):
        yield from compiled(name, value())  # type: ignore[operator]
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from compiled(f"{name}[{key}]", inner)
    elif isinstance(value, tuple | list):
        for place, inner in enumerate(value):
            yield from compiled(f"{name}[{place}]", inner)


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for path in sources():
        found = list(calls(path))
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        if any(call.func.attr == "compile" for call in found):  # type: ignore[attr-defined]
            module = importlib.import_module(name)
            for attribute, value in vars(module).items():
                yield from compiled(f"{path.stem}.{attribute}", value)
        for call in found:
            if call.func.attr != "compile":  # type: ignore[attr-defined]
                assert isinstance(call.args[0], ast.Constant), f"{path}: compile it in the module"
                yield f"{path.stem}:{call.lineno}", re.compile(call.args[0].value)


def growth(pattern: re.Pattern[str], prefix: str, unit: str) -> float:
    short, long = (
        search_steps(pattern, prefix + unit * count + NEARLY)
        for count in (REPETITIONS, 2 * REPETITIONS)
    )
    return long / short


@pytest.mark.parametrize("pattern", [pytest.param(p, id=name) for name, p in patterns()])
def test_twice_the_text_takes_at_most_about_twice_the_steps(pattern: re.Pattern[str]) -> None:
    words = literals(pattern)[:12]
    units = [*UNITS, *words, *("_" + word for word in words)]
    prefixes = ["", *[word for word in words if len(word) == 1][:3]]
    worst = max(
        (growth(pattern, prefix, unit), prefix, unit) for prefix, unit in product(prefixes, units)
    )
    assert worst[0] < LINEAR, worst


@pytest.mark.parametrize(
    "text", [r"\}\s*\n\s*\{", r"\.experts\.(?!.*shared)", r"(?:^|_)train(?:_[a-z0-9]+)*?(?=$|-)"]
)
def test_the_count_shows_quadratic_work(text: str) -> None:
    pattern = re.compile(text)
    assert (
        max(
            growth(pattern, "}", "\n"),
            growth(pattern, "", ".experts.shared"),
            growth(pattern, "", "_train"),
        )
        > LINEAR
    )


def test_the_patterns_of_tables_are_checked() -> None:
    names = {name.partition("[")[0] for name, _ in patterns() if "[" in name}
    assert names >= {
        "secrets._SECRET_PATTERNS",
        "secrets._PERSONAL_PATTERNS",
        "languages._script_patterns",
    }
