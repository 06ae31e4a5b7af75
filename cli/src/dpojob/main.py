"""Entry points of `dpojob`, `kubectl dpo` and kubectl's completion of the plugin."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

OBJECTS_PER_COLLECTION = 200_000
"""Objects after which Python looks for garbage: more than an inspection of a few rows makes, imports included."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses a command line and runs its command.

    Args:
        arguments: The command line without the program's name; that of the process when None.

    Returns:
        The exit status.
    """
    # Imports make many objects and little garbage; looking for it takes a tenth of the start, and as much again when
    # Python ends, where frozen objects are not looked at. Typer too is imported after this.
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    atexit.register(gc.freeze)
    import typer

    from .command_line import build_app

    _leave_out_plugins()
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    program = "kubectl dpo" if plugin else "dpojob"
    line = sys.argv[1:] if arguments is None else arguments
    command = typer.main.get_command(build_app(program, line[0] if line else None))
    try:
        command.main(line, prog_name=program)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _leave_out_plugins() -> None:
    """Lets pydantic look for no plugins, for which it would read the metadata of every installed package.

    Even with the setting that disables them, its module that looks for them imports what reads metadata, with the modules for e-mail. That
    takes about as long as to build the validators of a manifest, so another module stands for it.
    """
    if os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__") != "__all__":
        return
    name = "pydantic.plugin._loader"

    def real(attribute: str) -> Any:
        """Whatever another version of pydantic may want of the module itself."""
        if attribute.startswith("__"):
            raise AttributeError(attribute)  # It is asked for by every import.
        del sys.modules[name]
        return getattr(import_module(name), attribute)

    without_plugins = ModuleType(name)
    vars(without_plugins).update(get_plugins=tuple, __getattr__=real)
    sys.modules.setdefault(name, without_plugins)


def kubectl_complete() -> int:
    """Completes a command line of `kubectl dpo` for kubectl, as `kubectl_complete-dpo` on the PATH.

    Returns:
        The exit status, 0.
    """
    import typer

    from .command_line import build_app
    from .command_line.completion import NO_FILES, kubectl_environment

    os.environ |= kubectl_environment(sys.argv[1:])
    with suppress(SystemExit):
        typer.main.get_command(build_app("dpojob")).main([], prog_name="dpojob")
    print(NO_FILES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
