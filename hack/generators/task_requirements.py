"""What the tasks of lm-eval need beside their dataset, read from their YAML and Python files without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dpojob_trainer.shared.benchmark_tasks import TaskRequirement


class Function(NamedTuple):
    """A function or class of a Python file."""

    file: Path
    name: str


class _Loader(yaml.CSafeLoader):
    """Reads `!function` as a Function, of the Python file beside the YAML file `path`."""

    path: Path


def _function(loader: _Loader, node: yaml.ScalarNode) -> Function:
    module, _, name = str(node.value).rpartition(".")
    return Function(loader.path.parent / f"{module.replace('.', '/')}.py", name)


_Loader.add_constructor("!function", _function)


@cache
def read_task(path: Path) -> dict[str, Any]:
    """The fields of a YAML file, with those of the files that it includes.

    Args:
        path: The file.
    """

    class Loader(_Loader):
        """A loader of its own for each file, since its tags are read relative to the file's folder."""

    Loader.path = path
    fields: dict[str, Any] = yaml.load(path.read_bytes(), Loader=Loader)
    included = fields.pop("include", None) or []
    merged: dict[str, Any] = {}
    for name in included if isinstance(included, list) else [included]:
        merged |= read_task(path.parent / name)
    return merged | fields


def task_requirements(fields: dict[str, Any], metrics: frozenset[str]) -> set[TaskRequirement]:
    """What a task needs.

    Args:
        fields: The fields of the task.
        metrics: The metrics that the harness has itself; any other is a program of the hub.
    """
    found: set[TaskRequirement] = set()
    if fields.get("unsafe_code"):
        found.add("unsafe-code")
    # For other types of output the harness computes the metrics itself, and uses no program.
    generates = fields.get("output_type", "generate_until") == "generate_until"
    if generates and "process_results" not in fields:
        for each in fields.get("metric_list") or ():
            name = each["metric"]
            if each.get("hf_evaluate") or (isinstance(name, str) and name not in metrics):
                found.add("hub-metric")
    seen: set[Function] = set()
    for function in _functions(fields):
        found |= _of_function(function, seen)
    return found


def _functions(value: Any) -> Iterator[Function]:
    """All functions in a YAML value."""
    if isinstance(value, Function):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _functions(each)


class _Module(NamedTuple):
    """What is defined at the top of a Python file."""

    defined: dict[str, ast.AST]
    imported: dict[str, Function]
    """By name, what is imported anywhere in the file from another file of the tasks; a file itself has an empty name."""
    libraries: dict[str, str]
    """By name, the library that it stands for."""
    body: list[ast.AST]
    """What runs when the file is imported."""


@cache
def _module(file: Path) -> _Module | None:
    """The file; None for one that is not there, as of a library."""
    if not file.is_file():
        return None
    tree = ast.parse(file.read_text(encoding="utf-8"))
    module = _Module({}, {}, {}, [])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            module.defined[node.name] = node
        else:
            module.body.append(node)
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            for alias in part.names:
                name = alias.asname or alias.name
                module.libraries[name] = alias.name
                module.imported[name] = Function(_file_of(file, alias.name, 0), "")
        elif isinstance(part, ast.ImportFrom):
            source = _file_of(file, part.module or "", part.level)
            for alias in part.names:
                name = alias.asname or alias.name
                module.libraries[name] = f"{part.module}.{alias.name}"
                inner = source.with_suffix("") / f"{alias.name}.py"
                known = Function(inner, "") if inner.is_file() else Function(source, alias.name)
                module.imported[name] = known
    return module


def _file_of(file: Path, module: str, level: int) -> Path:
    """The file that a module's name stands for in `file`, whether or not it is there."""
    parts = module.split(".")
    if parts[:2] == ["lm_eval", "tasks"]:
        root = next(parent for parent in file.parents if parent.name == "tasks")
        return root.joinpath(*parts[2:]).with_suffix(".py")
    return file.parents[max(0, level - 1)].joinpath(*parts).with_suffix(".py")


def _of_function(function: Function, seen: set[Function]) -> set[TaskRequirement]:
    """What a function needs, with the top of its file and all that both use of the tasks' files."""
    module = _module(function.file)
    if function in seen or module is None:
        return set()
    seen.add(function)
    found: set[TaskRequirement] = set()
    named = module.defined.get(function.name)
    if named is None and function.name in module.imported:
        return _of_function(module.imported[function.name], seen)
    for node in [*module.body, *([named] if named is not None else [])]:
        for part in ast.walk(node):
            found |= _of_call(part, module)
            if isinstance(part, ast.Name) and part.id in module.defined:
                found |= _of_function(Function(function.file, part.id), seen)
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                source = module.imported.get(part.value.id)
                if source is not None and not source.name:
                    found |= _of_function(Function(source.file, part.attr), seen)
            elif isinstance(part, ast.Name | ast.alias):
                name = part.id if isinstance(part, ast.Name) else part.asname or part.name
                source = module.imported.get(name)
                if source is not None:
                    # A name that is only imported, and not used here, still runs the top level of its file.
                    used = source.name if isinstance(part, ast.Name) else ""
                    found |= _of_function(Function(source.file, used), seen)
    return found


def _of_call(node: ast.AST, module: _Module) -> set[TaskRequirement]:
    """What a call needs: `evaluate.load` downloads a program, `nltk.download` NLTK's data."""
    if not isinstance(node, ast.Call):
        return set()
    called = node.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        name = f"{module.libraries.get(called.value.id)}.{called.attr}"
    elif isinstance(called, ast.Name):
        name = module.libraries.get(called.id, "")
    else:
        return set()
    return {"evaluate.load": {"hub-metric"}, "nltk.download": {"nltk-data"}}.get(name, set())  # type: ignore[return-value]
