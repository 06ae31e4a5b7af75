"""The mutants of a package: cosmic-ray's operators, one that deletes statements, and a stable random sample.

A mutant is one small change of one module. Left out are changes that no test can see: those of annotations,
which are never evaluated, and those between `==` and `is`, which differ only by how CPython shares objects.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cosmic_ray.ast
import parso
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator

OPERATORS = (
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add"),
    *("ReplaceBinaryOperator_Mul_Div", "ReplaceBinaryOperator_Div_Mul"),
    *("ReplaceBinaryOperator_FloorDiv_Div", "ReplaceBinaryOperator_Mod_Mul"),
    *("ReplaceBinaryOperator_Pow_Mul",),
    *("ReplaceBinaryOperator_BitOr_BitAnd", "ReplaceBinaryOperator_BitAnd_BitOr"),
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
    *("ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_Lt_GtE"),
    *("ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_LtE_Gt"),
    *("ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_Gt_LtE"),
    *("ReplaceComparisonOperator_GtE_Gt", "ReplaceComparisonOperator_GtE_Lt"),
    *("ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_USub"),
    *("ReplaceUnaryOperator_Delete_Not", "AddNot"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop"),
)
"""The operators of cosmic-ray: arithmetic by its inverse, comparisons by their negation and by their neighbour.
Left out are operators whose mutants nearly always end with a TypeError, which any test kills, and those from `==` to `is`,
which differ only by how CPython shares objects."""


@dataclass(frozen=True)
class Mutant:
    """One changed module."""

    path: Path
    """The path from the root of the repository."""
    definition: str
    """The function or class that is changed; "module" for statements outside of any."""
    function: str
    """Qualified name of the function whose body alone is changed; empty for other changes."""
    old: str
    new: str
    """The changed line before and after, without indentation."""
    number: int
    """The number of the place among those of the definition with the same line."""
    source: str
    """The whole module after the change."""

    @property
    def key(self) -> str:
        """What names the mutant as long as its line is the same."""
        return f"{self.path}:{self.definition}: {self.old} => {self.new} ({self.number})"


class DeleteStatement(Operator):  # type: ignore[misc]
    """Replaces a call whose result is not used, or an assignment to an attribute, by `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yields the position of the statement."""
        if node.type == "simple_stmt" and self._has_an_effect(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Replaces the statement."""
        first = node.children[0]
        prefix = first.get_first_leaf().prefix
        node.children[0] = parso.python.tree.Name("pass", first.start_pos, prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Examples for cosmic-ray's own documentation."""
        return (Example("f(x)\n", "pass\n"), Example("a.b = 1\n", "pass\n"))

    @staticmethod
    def _has_an_effect(statement: Any) -> bool:
        if statement.type == "expr_stmt":
            return bool(statement.children[0].type in ("atom_expr", "power"))
        return bool(
            statement.type in ("atom_expr", "power")
            and getattr(statement.children[-1], "children", [None])[0] == "("
        )


def all_operators() -> list[Operator]:
    """The operators that change what a module does."""
    return [DeleteStatement(), *(get_operator(f"core/{name}")() for name in OPERATORS)]


def sample(root: Path, paths: Iterable[Path], size: int, seed: int) -> list[Mutant]:
    """At most `size` mutants of the modules, with one mutant at each place of a module.

    The order of the places follows from their own text, so that a change of one function leaves the mutants of
    all others in the sample.
    """
    places = [place for path in paths for place in _places(root, path)]
    places.sort(key=lambda place: _order(place.text, seed))
    return list(itertools.islice(filter(None, (_mutant(place, seed) for place in places)), size))


@dataclass(frozen=True)
class Place:
    """Where a module can be changed."""

    path: Path
    definition: str
    source: str
    """The source of the whole module, unchanged."""
    line: str
    number: int
    """The number of the place among those of the definition with the same line."""
    changes: tuple[tuple[Operator, int], ...]
    """Operators, and the occurrence that each numbers this place with."""

    @property
    def text(self) -> str:
        """What the order of the sample follows from."""
        return f"{self.path}:{self.definition}: {self.line} ({self.number})"


def _places(root: Path, path: Path) -> Iterator[Place]:
    source = (root / path).read_text()
    lines = source.splitlines()
    nodes = list(cosmic_ray.ast.ast_nodes(cosmic_ray.ast.get_ast(source)))
    changes: dict[tuple[Any, Any], list[tuple[Operator, int]]] = {}
    definitions: dict[tuple[Any, Any], str] = {}
    for operator in all_operators():
        occurrences = itertools.count()
        for node in nodes:
            for position in operator.mutation_positions(node):
                changes.setdefault(position, []).append((operator, next(occurrences)))
                if position not in definitions:
                    definitions[position] = ASTQuery(node).get_definition_name() or "module"
    same: Counter[str] = Counter()
    for position in sorted(changes):
        definition = definitions[position]
        line = lines[position[0][0] - 1].strip()
        same[f"{definition}: {line}"] += 1
        number = same[f"{definition}: {line}"]
        yield Place(path, definition, source, line, number, tuple(changes[position]))


def _mutant(place: Place, seed: int) -> Mutant | None:
    """The first change of the place in the sample's order that alters what the module does."""
    unchanged = _without_annotations(place.source)
    by_name = {f"{type(operator).__name__} {place.text}": (operator, occurrence)
               for operator, occurrence in place.changes}  # fmt: skip
    for name in sorted(by_name, key=lambda name: _order(name, seed)):
        changed = mutate_code(place.source, *by_name[name])
        if changed is not None and _without_annotations(changed) not in (None, unchanged):
            old, new = _difference(place.source, changed)
            function = _changed_function(place.source, changed)
            return Mutant(place.path, place.definition, function, old, new, place.number, changed)
    return None


def _order(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()


def _difference(before: str, after: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return (
        " ".join(line[2:].strip() for line in lines if line.startswith("- ")),
        " ".join(line[2:].strip() for line in lines if line.startswith("+ ")),
    )


def _changed_function(before: str, after: str) -> str:
    """The one function or method whose body differs; empty when anything else differs."""
    functions, others = _bodies(before)
    changed, changed_others = _bodies(after)
    if others != changed_others:
        return ""
    (name,) = [name for name in functions if functions[name] != changed[name]]
    return name


def _bodies(source: str) -> tuple[dict[str, str], str]:
    """The bodies of functions and methods by qualified name, and the module without these bodies."""
    tree, bodies = ast.parse(source), {}

    def cut(scope: ast.Module | ast.ClassDef, prefix: str) -> None:
        for node in scope.body:
            if isinstance(node, ast.ClassDef):
                cut(node, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                bodies[prefix + node.name] = "".join(map(ast.dump, node.body))
                node.body = []

    cut(tree, "")
    return bodies, ast.dump(tree)


def _without_annotations(source: str) -> str | None:
    """The syntax tree as text without annotations; None where the source is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)
