"""How a mutant takes the place of the module or the function that it changes."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

LOCALS = ".<locals>"


class MutantFinder:
    """Finds one module in memory instead of on disk."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self._module, self._path, self._source = module, path, source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module, when it is the mutated one."""
        if name != self._module:
            return None
        loader = MutantLoader(name, str(self._path))
        loader.source = self._source
        places = [str(self._path.parent)] if self._path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            name, self._path, loader=loader, submodule_search_locations=places
        )


class MutantLoader(SourceFileLoader):
    """Loads the source that it is given."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        """Compiles the mutated source."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


def top_level(qualified_name: str) -> str:
    """The function or method that a nested function is part of."""
    return qualified_name.partition(LOCALS)[0]


def replace_function(module: ModuleType, name: str, source: str) -> None:
    """Gives a function of a module, or a method of one of its classes, the code that it has in a source."""
    code = compile(source, str(module.__file__), "exec", dont_inherit=True)
    (changed,) = [found for found in _codes(code) if found.co_qualname == name]
    value: Any = module
    *owners, last = name.split(".")
    for owner in owners:
        value = getattr(value, owner)
    found = vars(value)[last]
    while not isinstance(found, FunctionType):  # property, classmethod, staticmethod, lru_cache
        for attribute in ("fget", "__func__", "__wrapped__"):
            if hasattr(found, attribute):
                found = getattr(found, attribute)
                break
        else:
            raise TypeError(f"{module.__name__}.{name} holds no function")
    found.__code__ = changed


def clear_caches(package: str) -> None:
    """Forgets what functions of a package's distribution have kept: a mutant would not be called for it."""
    distribution = package.partition(".")[0]
    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] == distribution:
            for value in tuple(vars(module).values()):
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if LOCALS not in constant.co_qualname:
                yield constant
            yield from _codes(constant)
