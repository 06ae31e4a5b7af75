"""Pages of the documentation that hold what benchmarks printed, a section for each command."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOADED = 0.25
"""Load average per processor, before a command, above which other programs are at work."""
LOADED_SENTENCE = (
    "Other programs used the machine during this run: its ratios mean something, its times do not."
)


def machine(load: float | None = None) -> str:
    """Processors and load of this machine now, or with a load that was read before."""
    before = os.getloadavg()[0] if load is None else load
    return f"{os.cpu_count()} processors, load average {before:.1f} before the run"


def is_loaded(load: float) -> bool:
    """Whether other programs use the machine."""
    return load > LOADED * (os.cpu_count() or 1)


def section(command: str, load: float, lines: Sequence[str]) -> list[str]:
    """The body of a section: command, machine, and what was printed."""
    warning = [LOADED_SENTENCE, ""] if is_loaded(load) else []
    return [f"`{command}`, {machine(load)}.", "", *warning, *lines]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


@dataclass(frozen=True)
class Page:
    """A page of which each section is replaced when its command runs again."""

    head: str
    order: Sequence[str]
    """Titles of the sections."""
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Load average when the program started; later it holds the work of earlier sections."""

    def write(self, path: Path, title: str, body: Sequence[str]) -> None:
        """Replaces one section of the page, and keeps the others."""
        text = path.read_text() if path.exists() else ""
        parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
        sections = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
        sections[title] = "\n".join(body).strip()
        pages = [self.head.strip()]
        pages += [f"## {name}\n\n{sections[name]}" for name in self.order if name in sections]
        path.write_text("\n\n".join(pages) + "\n")

    def record(
        self, command: str, title: str, run: Callable[[], Sequence[str]], path: Path | None
    ) -> None:
        """Runs a command, prints its section, and writes it to the page at `path`; None for no page."""
        print(f"{command}: {machine(self.load)}", flush=True)
        lines = run()
        print("\n".join(["", f"## {title}", "", *lines, ""]), flush=True)
        if path is not None:
            self.write(path, title, section(command, self.load, lines))


def parser(
    module: str, description: str | None, sections: Collection[str]
) -> argparse.ArgumentParser:
    """A parser of a benchmark's command line: one of the sections, or all, and the page to write."""
    made = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("command", nargs="?", choices=[*sections, "all"], default="all")
    made.add_argument("--write", type=Path, help="the page whose sections are replaced")
    return made


def command_line(module: str, command: str, sections: Collection[str]) -> str:
    """The command that repeats one measurement with the flags of this process, without the page."""
    page = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    page.add_argument("--write")
    _, arguments = page.parse_known_args()
    flags = [argument for argument in arguments if argument not in (*sections, "all")]
    return " ".join(["python -m", module, command, *flags])
