"""A row goes forward through inspection: no package is given a function by which it would call another one."""

import ast
from collections.abc import Iterator

import pytest
from tests.kit.repository import ROOT

INSPECTION = ROOT / "trainer-image/src/dpojob_trainer/inspection"
CALLERS = [INSPECTION / "pipeline.py", INSPECTION / "scan/dataset_scan.py"]
"""The modules that call the packages."""
LIBRARY = {"filter", "field", "max", "min", "sorted"}
"""Functions of Python that take functions."""


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """What a node hands over: itself and the items of its displays, but nothing that is called."""
    yield node
    if isinstance(node, ast.List | ast.Tuple | ast.BinOp | ast.IfExp | ast.Dict | ast.Starred):
        for child in ast.iter_child_nodes(node):
            yield from expressions(child)


def functions_handed_over(source: str) -> list[str]:
    """Functions, methods and lambdas among the arguments of a module's calls."""
    tree = ast.parse(source)
    methods = {
        method.name
        for class_ in ast.walk(tree)
        if isinstance(class_, ast.ClassDef)
        for method in class_.body
        if isinstance(method, ast.FunctionDef) and not method.decorator_list
    }
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    imported = {
        alias.asname or alias.name
        for node in tree.body
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
    ["detect(job, [lambda: read(job)])", "complete(job, self.report)", "complete(job, read)"],
)
def test_a_function_that_is_handed_over_is_found(call: str) -> None:
    source = f"def read(job): ...\nclass Job:\n    def report(self): return {call}"
    assert len(functions_handed_over(source)) == 1


@pytest.mark.parametrize("module", CALLERS, ids=lambda path: path.stem)
def test_the_packages_are_given_no_functions(module) -> None:
    assert functions_handed_over(module.read_text()) == []
