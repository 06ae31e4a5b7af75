"""The application: all commands, in the order in which `--help` lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from . import cluster_commands, job_commands, local_commands
from .completion import complete_zsh_at_once

HELP = "Inspect, plan and train a DPOJob on this machine, or follow one on a cluster."


def build_app(program: str, first: str | None = None) -> typer.Typer:
    """Defines every command with its options and help text.

    Args:
        program: The program's name: `dpojob`, or `kubectl dpo` for the plugin.
        first: The first argument of the command line. Where it is a command, the others are left out, because reading
            the options of all of them takes longer than an answer of the cluster.

    Returns:
        The application; run without standalone mode it returns the exit status.
    """
    app = typer.Typer(
        name=program,
        help=HELP,
        epilog=f"`{program} COMMAND --help` says more, with examples.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def top(
        context: typer.Context,
        version: Annotated[
            bool, typer.Option("--version", help="print the version and exit")
        ] = False,
    ) -> None:
        if version:
            from importlib.metadata import version as installed

            print(f"dpojob {installed('dpojob')}")
            raise typer.Exit(0)
        if context.invoked_subcommand is None:
            print(context.get_help())
            raise typer.Exit(2)

    complete_zsh_at_once()
    job_commands.add_to(app)
    local_commands.add_to(app)
    cluster_commands.add_to(app)
    named = [command for command in app.registered_commands if command.name == first]
    app.registered_commands = named or app.registered_commands
    return app
