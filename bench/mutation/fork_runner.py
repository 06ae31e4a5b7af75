"""Runs the tests against mutants, each in a fork; nothing is written into the checkout.

A change inside a function is made in a process that has collected the tests: the fork replaces the function's
code, and runs the tests that call the function, the quickest first. Property tests are left out. For any other change the fork, of a process
that has imported the libraries only, imports the mutated module from memory.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import is_hypothesis_test

from .mutants import Mutant
from .patching import MutantFinder, clear_caches, replace_function, top_level

SURVIVED, KILLED, ENDLESS = "survived", "killed", "endless"
NOT_REPLACED = 70
"""Exit code of a fork that could not make the mutant."""
CPU_SECONDS = 120
"""A fork that takes more processor time than this is in an endless loop; the tests take a few seconds."""
NEVER_PRELOADED = ("dpojob_operator", "dpojob_planner", "tests", "conftest", "__main__")
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class MutatedPackage:
    """What is mutated, and the tests that must fail."""

    name: str
    import_name: str
    """Importable name."""
    sources: Path
    """The folder of the package."""
    tests: Path

    def module(self, path: Path) -> str:
        """The importable name of one of its modules."""
        parts = path.relative_to(self.sources).with_suffix("").parts
        return ".".join([self.import_name, *(part for part in parts if part != "__init__")])


def run_mutants(
    root: Path, package: MutatedPackage, mutants: Sequence[Mutant]
) -> Iterator[tuple[Mutant, str]]:
    """Yields each mutant with its outcome.

    Raises:
        RuntimeError: The tests fail without a mutant.
    """
    os.chdir(root)
    inside = [mutant for mutant in mutants if mutant.function]
    yield from _of_functions(root, package, inside)
    outside = [mutant for mutant in mutants if not mutant.function]
    if outside:
        _preload(root, package)
    for mutant in outside:
        module = package.module(mutant.path)
        finder = MutantFinder(module, root / mutant.path, mutant.source)

        def run(finder: MutantFinder = finder) -> int:
            sys.meta_path.insert(0, finder)
            return int(pytest.main([*OPTIONS, *_files(root, package)], plugins=[TableTests()]))

        yield mutant, _outcome(_fork(run))


def _of_functions(
    root: Path, package: MutatedPackage, mutants: Sequence[Mutant]
) -> Iterator[tuple[Mutant, str]]:
    """Collects the tests in a child, which forks for each mutant and reports line by line."""
    read, write = os.pipe()

    def collect_and_run() -> int:
        with os.fdopen(write, "w") as report:
            plugin = MutantLoop(
                root, package, mutants, lambda outcome: print(outcome, file=report, flush=True)
            )
            return int(pytest.main([*OPTIONS, *_files(root, package)], plugins=[plugin]))

    child = _start(collect_and_run)
    os.close(write)
    with os.fdopen(read) as report:
        for mutant in mutants:
            outcome = report.readline().strip()
            if not outcome:
                break
            yield mutant, outcome
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise RuntimeError(f"the tests of {package.name} fail without a mutant")


class TableTests:
    """A plugin of pytest that leaves out the tests of Hypothesis.

    They take longer than all others together, and call nearly every function.
    """

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Removes them."""
        items[:] = [item for item in items if not is_hypothesis_test(getattr(item, "obj", None))]


class MutantLoop(TableTests):
    """Takes the place of pytest's loop over the tests."""

    def __init__(
        self,
        root: Path,
        package: MutatedPackage,
        mutants: Sequence[Mutant],
        report: Callable[[str], None],
    ) -> None:
        self._root, self._package, self._mutants, self._report = root, package, mutants, report
        self._seconds: dict[str, float] = {}
        self._callers: dict[tuple[str, str], set[str]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the tests once, then those that a mutant may fail."""
        for item in session.items:
            if self._fails_traced(item):
                raise session.Failed(f"{item.nodeid} fails without a mutant")
        for mutant in self._mutants:
            path = str(self._root / mutant.path)
            names = self._callers.get((path, mutant.function), set())
            items = [item for item in session.items if item.nodeid in names]
            items.sort(key=lambda item: self._seconds[item.nodeid])

            def run(mutant: Mutant = mutant, items: Sequence[pytest.Item] = items) -> int:
                module = sys.modules[self._package.module(mutant.path)]
                try:
                    replace_function(module, mutant.function, mutant.source)
                except (AttributeError, TypeError, ValueError):
                    return NOT_REPLACED
                clear_caches(self._package.import_name)
                return int(any(_fails(item) for item in items))

            self._report(_outcome(_fork(run)))
        return True

    def _fails_traced(self, item: pytest.Item) -> bool:
        called: set[CodeType] = set()

        def note(frame: FrameType, event: str, argument: Any) -> None:
            called.add(
                frame.f_code
            )  # asked for each call only, since it returns no tracer of lines

        clear_caches(self._package.import_name)
        begun = time.process_time()
        sys.settrace(note)
        try:
            failed = _fails(item)
        finally:
            sys.settrace(None)
        self._seconds[item.nodeid] = time.process_time() - begun
        for code in called:
            key = (code.co_filename, top_level(code.co_qualname))
            self._callers.setdefault(key, set()).add(item.nodeid)
        return failed


def _fails(item: pytest.Item) -> bool:
    from _pytest.runner import runtestprotocol

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _files(root: Path, package: MutatedPackage) -> list[str]:
    return [str(file) for file in sorted((root / package.tests).rglob("test_*.py"))]


def _preload(root: Path, package: MutatedPackage) -> None:
    """Imports here the libraries that the tests import: all but the mutated packages and what imports them."""
    read, write = os.pipe()

    def report_modules() -> int:
        pytest.main(["--collect-only", *OPTIONS, *_files(root, package)])
        with os.fdopen(write, "w") as report:
            json.dump(list(sys.modules), report)
        return 0

    child = _start(report_modules)
    os.close(write)
    with os.fdopen(read) as report:
        names = json.load(report)
    os.waitpid(child, 0)
    for name in names:
        if name.partition(".")[0] not in NEVER_PRELOADED:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _start(run: Callable[[], int]) -> int:
    """Forks; the child runs silently and ends with what `run` returns. Returns its process ID."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        code = run()
    finally:
        os._exit(code)


def _fork(run: Callable[[], int]) -> int:
    """The exit code of a child with bounded processor time; negative: the signal that ended it."""

    def bounded() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        return run()

    return os.waitstatus_to_exitcode(os.waitpid(_start(bounded), 0)[1])


def _outcome(code: int) -> str:
    if code == NOT_REPLACED:
        raise RuntimeError("a function could not be replaced by its mutant")
    return ENDLESS if code < 0 else SURVIVED if code == 0 else KILLED
