"""A Jinja environment in which every operation on a message's content is permitted explicitly or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext, Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from .traced_text import NotTraceable, TracedText, has_placeholder

TESTS_OF_TYPE = frozenset(
    {
        "boolean", "callable", "defined", "false", "float", "integer", "iterable", "mapping", "none",
        "number", "sequence", "string", "true", "undefined",
    }
)  # fmt: skip
TESTS_OF_EQUALITY = frozenset({"==", "eq", "equalto", "!=", "ne"})
FILTERS_OF_TEXT = frozenset({"d", "default", "string"})
FILTERS_OF_LISTS = frozenset({"count", "first", "last", "length", "list", "reverse"})
FILTERS_OF_ITERATORS = frozenset({"first", "list"})
SELECTING_FILTERS = frozenset({"rejectattr", "selectattr"})
"""Filters that apply a test, which is guarded too, to a value of each message, and give an iterator."""
JINJA_VARIABLES = frozenset({"_block_vars", "_loop_vars"})
"""Arguments that compiled templates pass for functions that ask for the context."""
RANDOM_FILTERS = frozenset({"random"})


class TracingEnvironment(ImmutableSandboxedEnvironment):
    """Renders templates over `TracedText`; `restrict` must be called once all filters are there."""

    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def restrict(self) -> None:
        """Let filters and tests refuse contents, except those that are known."""
        for name, function in list(self.filters.items()):
            self.filters[name] = _guarded_filter(name, function)
        self.filters["trim"] = _trim
        tests: dict[str, Any] = dict(self.tests)
        self.tests.update({name: _guarded_test(name, test) for name, test in tests.items()})
        self.tests["in"] = _contains

    def traced_template(self, source: str) -> jinja2.Template:
        """Compile a template so that `in` and `~` can be traced too.

        Args:
            source: The template.

        Returns:
            The compiled template.

        Raises:
            NotTraceable: It uses what cannot be traced.
            jinja2.TemplateError: It is not valid Jinja.
        """
        tree = self.parse(source)
        modifiers = (nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)
        if next(tree.find_all(modifiers), None) is not None:
            raise NotTraceable("the template escapes text")
        return self.from_string(_Traceable().visit(tree))

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join output, of macros too.

        Args:
            pieces: The pieces.

        Returns:
            The text, traced where a piece is.

        Raises:
            NotTraceable: A content is in a piece that is not traced.
        """
        return _joined(list(pieces))

    def _join_texts(self, *values: object) -> str:
        """The operator `~`."""
        return _joined([str(value) for value in values])

    def _contains(self, container: Any, item: Any) -> bool:
        """The operator `in`."""
        return _contains(item, container)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Carry out a binary operator, with contents `+` only.

        Args:
            context: The template's context.
            operator: The operator.
            left: The left operand.
            right: The right operand.

        Returns:
            The result.

        Raises:
            NotTraceable: An operand is, or holds, a content.
        """
        if operator != "+" and (_holds_content(left) or _holds_content(right)):
            raise NotTraceable(f"{operator} is applied to a content")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function, with contents only macros and methods that refuse what they cannot trace.

        Args:
            context: The template's context.
            callee: What is called.
            *args: Its arguments.
            **kwargs: Its named arguments.

        Returns:
            The result.

        Raises:
            NotTraceable: Another function is called with a content.
        """
        given = [value for name, value in kwargs.items() if name not in JINJA_VARIABLES]
        if not self._traces(callee) and _holds_content([args, given]):
            raise NotTraceable("a function is called with a content")
        return super().call(context, callee, *args, **kwargs)

    def _traces(self, callee: Any) -> bool:
        if isinstance(callee, Macro | LoopContext) or callee in (Namespace, dict):
            return True
        owner = getattr(callee, "__self__", None)
        return owner is self or isinstance(owner, TracedText)


class _Traceable(NodeTransformer):
    """Replaces operators that Python carries out without asking the operands."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _method(node, "_join_texts", node.nodes)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        if not any(operand.op in ("in", "notin") for operand in node.ops):
            return node
        if len(node.ops) > 1:
            raise NotTraceable("comparisons with `in` are chained")
        found = _method(node, "_contains", [node.ops[0].expr, node.expr])
        return found if node.ops[0].op == "in" else nodes.Not(found, lineno=node.lineno)


def _method(node: nodes.Node, name: str, arguments: list[nodes.Expr]) -> nodes.Call:
    line = node.lineno
    method = nodes.EnvironmentAttribute(name, lineno=line)
    found = nodes.Call(method, arguments, [], None, None, lineno=line)
    if node.environment is not None:
        found.set_environment(node.environment)
    return found


def _joined(pieces: list[str]) -> str:
    traced = next((piece for piece in pieces if isinstance(piece, TracedText)), None)
    if any(not isinstance(piece, TracedText) and has_placeholder(piece) for piece in pieces):
        raise NotTraceable("a content was processed by a function that is not known")
    text = "".join(pieces)
    return text if traced is None else TracedText(text, traced.conditions)


def _contains(item: Any, container: Any) -> bool:
    is_content = isinstance(item, TracedText)
    if is_content and not isinstance(container, list | tuple):
        raise NotTraceable("a content is looked for in a text or in keys")
    return item in container


def _holds_content(value: Any) -> bool:
    """Whether a value is, or may hold, a content."""
    if value is None or isinstance(value, bool | int | float | Undefined | Macro):
        return False
    if isinstance(value, str):
        return isinstance(value, TracedText)
    if isinstance(value, list | tuple):
        return any(map(_holds_content, value))
    if isinstance(value, Mapping):
        return any(map(_holds_content, [*value.keys(), *value.values()]))
    return not callable(value)


def _trim(value: Any, chars: str | None = None) -> str:
    return (value if isinstance(value, str) else str(value)).strip(chars)


def _guarded_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        values = args[1:] if hasattr(function, "jinja_pass_arg") else args
        if name in RANDOM_FILTERS:
            raise NotTraceable("the template is random")
        known = name in FILTERS_OF_TEXT
        if name in FILTERS_OF_LISTS and isinstance(values[0], list | tuple):
            known = len(values) == 1
        if name in FILTERS_OF_ITERATORS and isinstance(values[0], Iterator):
            known = len(values) == 1
        if name in SELECTING_FILTERS and isinstance(values[0], list | tuple):
            known = not _holds_content([values[1:], kwargs])
        if name == "items" and isinstance(values[0], dict):
            known = True
        if not known and _holds_content([values, kwargs]):
            raise NotTraceable(f"the filter {name} is applied to a content")
        return function(*args, **kwargs)

    return guarded


def _guarded_test(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        at = 1 if hasattr(function, "jinja_pass_arg") else 0
        if name in TESTS_OF_TYPE:
            value = "text" if isinstance(args[at], TracedText) else args[at]
            return function(*args[:at], value, *args[at + 1 :], **kwargs)
        if name not in TESTS_OF_EQUALITY and _holds_content([args[at:], kwargs]):
            raise NotTraceable(f"the test {name} is applied to a content")
        return function(*args, **kwargs)

    return guarded
