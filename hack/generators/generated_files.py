"""Files that a script of this folder generates: it writes them or, with `--check`, compares them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECK = "--check"


def write_or_check(
    files: Mapping[Path, str], arguments: Sequence[str], command: str = "make generate"
) -> int:
    """Writes files, or with `--check` names each that is stale and leaves it as it is.

    Args:
        files: What each file is to hold.
        arguments: The arguments of the script's command line: none, or `--check`.
        command: The command that writes the files, for the message.

    Returns:
        The exit status: 1 where a file is stale, 2 for another argument.
    """
    if list(arguments) not in ([], [CHECK]):
        print(f"usage: {Path(sys.argv[0]).name} [{CHECK}]", file=sys.stderr)
        return 2
    if not arguments:
        for file, text in files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return 0
    stale = [
        file
        for file, text in files.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    for file in stale:
        print(f"check: {file.relative_to(ROOT)} is stale; run '{command}'", file=sys.stderr)
    return int(bool(stale))
