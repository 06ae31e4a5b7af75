"""A row goes forward through inspection: a package is called by the pipeline or by a package that imports it.

No package is given a function by which it would call another one. This is looked for in the arguments of calls, and
while datasets are inspected.
"""

import ast
import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import grimp
import pytest
from tests.kit.inspection.volume_fixture import InspectionVolume, write_rows
from tests.kit.inspection.word_model import write_word_model
from tests.kit.repository import ROOT

SOURCES = ROOT / "trainer-image/src/dpojob_trainer"
INSPECTION = SOURCES / "inspection"
CALLERS = [INSPECTION / "pipeline.py", *(INSPECTION / "scan").glob("[a-z]*.py")]
"""The modules that call the packages."""
LIBRARY = {"filter", "field", "max", "min", "sorted"}
"""Functions of Python that take functions."""


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """What a node hands over: itself and the items of its displays, but nothing that is called."""
    yield node
    if isinstance(node, ast.List | ast.Tuple | ast.BinOp | ast.IfExp | ast.Dict | ast.Starred):
        for child in ast.iter_child_nodes(node):
            yield from expressions(child)


def methods_and_fields(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names of a module's methods, and names by which its objects have values: fields and properties."""
    methods, fields = set(), set()
    for class_ in ast.walk(tree):
        if not isinstance(class_, ast.ClassDef):
            continue
        for member in class_.body:
            if isinstance(member, ast.FunctionDef):
                decorators = {ast.unparse(each).split("(")[0] for each in member.decorator_list}
                values = decorators & {"property", "cached_property"}
                (fields if values else methods).add(member.name)
            elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                fields.add(member.target.id)
        for node in ast.walk(class_):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                fields.add(node.attr)
    return methods, fields


@cache
def method_names() -> frozenset[str]:
    """Methods of all classes of the trainer image, without names that are a value's elsewhere."""
    found = [methods_and_fields(ast.parse(path.read_text())) for path in SOURCES.rglob("*.py")]
    methods = {name for names, _ in found for name in names}
    return frozenset(methods - {name for _, names in found for name in names})


def functions_handed_over(source: str) -> list[str]:
    """Functions, methods and lambdas among the arguments of a module's calls."""
    tree = ast.parse(source)
    methods = methods_and_fields(tree)[0] | method_names()
    functions = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and not any(
            node in getattr(other, "body", ())
            for other in ast.walk(tree)
            if isinstance(other, ast.ClassDef)
        )
    }
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    functions |= {name for name in imported if name[0].islower()}
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", None) in LIBRARY:
            continue
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            for given in expressions(argument):
                if (
                    isinstance(given, ast.Lambda)
                    or (isinstance(given, ast.Name) and given.id in functions)
                    or (isinstance(given, ast.Attribute) and given.attr in methods)
                ):
                    found.append(ast.unparse(given))
    return found


@pytest.mark.parametrize(
    "call",
    [
        "detect(job, [lambda: read(job)])",
        "complete(job, self.report)",
        "complete(job, read)",
        "complete(job, partial(read, job))",
        "complete(job, again)",
        "complete(job, detector.add_first_rows)",
        "Trials(job, on_next=detector.add_first_rows)",
    ],
)
def test_a_function_that_is_handed_over_is_found(call: str) -> None:
    source = f"""
def read(job): ...
class Job:
    def report(self):
        def again(): ...
        return {call}
"""
    assert len(functions_handed_over(source)) == 1


@pytest.mark.parametrize("module", CALLERS, ids=lambda path: path.stem)
def test_the_packages_are_given_no_functions(module: Path) -> None:
    assert functions_handed_over(module.read_text()) == []


CALLING = {path.relative_to(INSPECTION).parts[0].removesuffix(".py") for path in CALLERS}
Call = tuple[str, str]
"""The package that calls, and the one that is called."""


def package_of(frame: FrameType) -> str | None:
    """The package of inspection whose code a frame runs; None for all other code."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(INSPECTION):
        return None
    return path.relative_to(INSPECTION).parts[0].removesuffix(".py")


@contextmanager
def recorded_calls() -> Iterator[set[Call]]:
    """The calls from one package to another, also those through libraries and in threads started meanwhile.

    Reading an iterator is no call: what it yields is data.
    """
    calls: set[Call] = set()

    def record(frame: FrameType, event: str, _: Any) -> None:
        called = package_of(frame) if event == "call" else None
        if called is None or frame.f_code.co_flags & inspect.CO_GENERATOR:
            return
        caller = frame.f_back
        while caller is not None and (package := package_of(caller)) is None:
            caller = caller.f_back
        if caller is not None and package != called:
            calls.add((package, called))

    threading.setprofile(record)
    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@cache
def imports() -> set[Call]:
    """The packages of inspection that import each other."""
    graph = grimp.build_graph("dpojob_trainer")
    inside = graph.find_descendants("dpojob_trainer.inspection")
    pairs = {
        (module.split(".")[2], imported.split(".")[2])
        for module in inside
        for imported in graph.find_modules_directly_imported_by(module) & inside
    }
    return {(package, imported) for package, imported in pairs if package != imported}


PAIRS = [
    {"prompt": f"Where is thing {n}?", "chosen": f"On shelf {n}.", "rejected": f"Nobody knows {n}."}
    for n in range(60)
]
CHAT = [
    {
        "question": [{"role": "user", "content": row["prompt"]}],
        "good": [{"role": "assistant", "content": row["chosen"]}],
        "bad": [{"role": "assistant", "content": row["rejected"]}],
    }
    for row in PAIRS
]
EVALUATION = {"judge": {"rewardModel": {"volume": {"claimName": "data", "path": "model"}}}}


@pytest.mark.parametrize(
    ("rows", "dataset", "spec"),
    [
        (PAIRS, {"eval": {"split": "test"}}, {"evaluation": EVALUATION}),
        ([*PAIRS, *PAIRS], {"curate": {"nearDuplicates": "Drop"}, "maxDroppedShare": 1.0}, {}),
        (CHAT, {}, {}),
        ([*PAIRS, {**PAIRS[0], "chosen": None}], {"invalidRows": "Drop"}, {}),
    ],
    ids=["evaluated", "curated", "suggested", "dropped"],
)
def test_a_package_is_called_by_one_that_imports_it(
    tmp_path: Path, rows: list[dict[str, Any]], dataset: dict[str, Any], spec: dict[str, Any]
) -> None:
    volume = InspectionVolume(tmp_path)
    write_word_model(tmp_path / "model")
    write_rows(tmp_path / "pairs/train.jsonl", rows)
    write_rows(tmp_path / "pairs/test.jsonl", PAIRS[:30])
    with recorded_calls() as calls:
        volume.inspect({"split": "train", **dataset}, **spec)
    assert ("pipeline", "columns") in calls and ("scan", "validation") in calls
    assert {call for call in calls if call[0] not in CALLING} - imports() == set()
    assert {call for call in calls if call[1] in CALLING} == {("pipeline", "scan")}
