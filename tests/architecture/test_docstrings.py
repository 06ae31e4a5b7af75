"""Public functions document every parameter under `Args:` and their result under `Returns:`.

Public classes document the parameters of their constructor, in their own docstring or in that of
`__init__`.

ruff checks the form of docstrings and the sections that it knows (pydocstyle, pydoclint). It lets a
one-line docstring pass whatever the function takes and returns; this test does not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from tests.kit.repository import ROOT

PACKAGES = (
    "api/src/dpojob_api",
    "planner/src/dpojob_planner",
    "cli/src/dpojob",
    "operator/src/dpojob_operator/decide",
    "trainer-image/src/dpojob_trainer/inspection",
)
"""Packages whose public functions and constructors are documented in full."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """Classes without a leading underscore, in classes without one; not those inside functions."""
    pending: list[ast.Module | ast.ClassDef] = [tree]
    while pending:
        for node in pending.pop().body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                pending.append(node)
                yield node


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions of the module and methods of its public classes, without a leading underscore."""
    for scope in (tree, *public_classes(tree)):
        for node in scope.body:
            if isinstance(node, Function) and not node.name.startswith("_"):
                yield node


def decorators(function: Function) -> set[str]:
    """Last parts of the decorators' names: `property`, `override`, `setter`."""
    found = set()
    for decorator in function.decorator_list:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        found.add(node.attr if isinstance(node, ast.Attribute) else ast.unparse(node))
    return found


def parameters(function: Function) -> list[str]:
    """Names of the parameters, with `*` for variadic ones, without `self` and `cls`."""
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    if names and names[0] in ("self", "cls"):
        names = names[1:]
    names += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    names += [each.arg for each in arguments.kwonlyargs]
    names += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return names


def is_accessor(function: Function) -> bool:
    """Whether it takes nothing and only returns an attribute, an item or a constant."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return (
        not parameters(function)
        and len(statements) == 1
        and isinstance(statements[0], ast.Return)
        and isinstance(statements[0].value, ast.Attribute | ast.Subscript | ast.Constant)
    )


def section(docstring: str, *titles: str) -> str | None:
    """The indented lines below one of the titles; None when there is no such section."""
    found = re.search(rf"^(?:{'|'.join(titles)}):\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    return found[1] if found else None


def undocumented_parameters(function: Function, docstring: str) -> list[str]:
    """Each parameter of a function that the docstring has no line for under `Args:`."""
    arguments = section(docstring, "Args") or ""
    return [
        f"Args: {name}"
        for name in parameters(function)
        if not re.search(rf"^\s+{re.escape(name)}(?: \(.*\))?:", arguments, re.MULTILINE)
    ]


def missing_constructor_parts(class_: ast.ClassDef) -> list[str]:
    """Each parameter of `__init__` that neither the class's docstring nor its own documents."""
    return [
        missing
        for node in class_.body
        if isinstance(node, Function) and node.name == "__init__"
        for missing in undocumented_parameters(
            node, f"{ast.get_docstring(class_) or ''}\n\n{ast.get_docstring(node) or ''}"
        )
    ]


def missing_parts(function: Function) -> list[str]:
    """What a function's docstring lacks, as text for the report."""
    if decorators(function) & {"property", "cached_property", "override", "overload", "setter"}:
        return []
    docstring = ast.get_docstring(function)
    if docstring is None:
        return ["docstring"]
    missing = undocumented_parameters(function, docstring)
    returns = function.returns is not None and ast.unparse(function.returns) not in (
        "None",
        "NoReturn",
    )
    if returns and not is_accessor(function) and section(docstring, "Returns", "Yields") is None:
        missing.append("Returns")
    return missing


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_document_their_parameters_and_results(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules, f"there is no package {package}"
    incomplete = {
        f"{module.relative_to(ROOT)}:{function.lineno} {function.name}": missing
        for module in modules
        for function in public_functions(ast.parse(module.read_text(encoding="utf-8")))
        if (missing := missing_parts(function))
    }
    assert incomplete == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_classes_document_the_parameters_of_their_constructor(package: str) -> None:
    incomplete = {
        f"{module.relative_to(ROOT)}:{class_.lineno} {class_.name}": missing
        for module in sorted((ROOT / package).rglob("*.py"))
        for class_ in public_classes(ast.parse(module.read_text(encoding="utf-8")))
        if (missing := missing_constructor_parts(class_))
    }
    assert incomplete == {}


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('def f(a, *b, c, **d) -> None: """One."""', ["Args: a", "Args: c", "Args: *b", "Args: **d"]),
        ('def f(a: int) -> None:\n    """One.\n\n    Args:\n        a: A number.\n    """', []),
        ('def f() -> int: """One."""; return 1 + 1', ["Returns"]),
        ('def f() -> int: """One."""; return 1', []),
        ('@property\ndef f(self) -> int: """One."""; return 1 + 1', []),
        ('def f() -> Iterator[int]:\n    """One.\n\n    Yields:\n        Numbers.\n    """', []),
        ("def f() -> None: pass", ["docstring"]),
    ],
)  # fmt: skip
def test_the_check_finds_what_is_missing(source: str, missing: list[str]) -> None:
    (function,) = public_functions(ast.parse(source))
    assert sorted(missing_parts(function)) == sorted(missing)


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("class C:\n    def __init__(self, a, *, b): pass", ["Args: a", "Args: b"]),
        ('class C:\n    """One.\n\n    Args:\n        a: A.\n    """\n    def __init__(self, a): pass', []),
        ('class C:\n    def __init__(self, a):\n        """One.\n\n        Args:\n            a: A.\n        """', []),
        ("class C:\n    a: int", []),
    ],
)  # fmt: skip
def test_the_check_finds_what_a_constructor_lacks(source: str, missing: list[str]) -> None:
    (class_,) = public_classes(ast.parse(source))
    assert missing_constructor_parts(class_) == missing
