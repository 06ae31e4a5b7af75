"""`inspect`, `plan`, `train` and `evaluate`: a manifest on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpojob.output_format import DocumentFormat

from . import help_texts
from .options import Document, Filename, Json, Verbose, Volumes
from .run_command import add_command


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the application.

    Args:
        app: The application.
    """

    @add_command(app, "inspect", "check the dataset and the model", help_texts.INSPECT)
    def inspect(
        filename: Filename,
        volume: Volumes = [],  # noqa: B006
        json: Json = False,
        format_: Document = DocumentFormat.TABLE,
        html: Annotated[
            str | None,
            typer.Option(metavar="FILE", help="also write one page with charts and rows to FILE"),
        ] = None,
    ) -> int:
        from dpojob.commands.local import inspect as command

        return command.run(filename, volume, _chosen(format_, json), html)

    @add_command(app, "plan", "choose the GPU, with its price", help_texts.PLAN)
    def plan(
        filename: Filename,
        volume: Volumes = [],  # noqa: B006
        json: Json = False,
        format_: Document = DocumentFormat.TABLE,
        parameters: Annotated[
            str | None,
            typer.Option(metavar="N", help="size of the model, such as 1.5B; nothing is inspected"),
        ] = None,
        rows: Annotated[
            int | None,
            typer.Option(
                min=1, metavar="N", help="training pairs, for hours and cost with --parameters"
            ),
        ] = None,
        pools: Annotated[
            str | None,
            typer.Option(metavar="FILE", help="GPUPools to plan on; - is standard input"),
        ] = None,
    ) -> int:
        from dpojob.commands.local import plan as command

        chosen = _chosen(format_, json)
        return command.run(filename, volume, chosen, parameters=parameters, rows=rows, pools=pools)

    @add_command(app, "train", "train on this machine", help_texts.TRAIN)
    def train(
        filename: Filename,
        volume: Volumes = [],  # noqa: B006
        json: Json = False,
        format_: Document = DocumentFormat.TABLE,
        output: Annotated[
            Path | None,
            typer.Option(
                metavar="DIR",
                help="where the model goes when the job names no output.volume (default: ./NAME-output)",
            ),
        ] = None,
        verbose: Verbose = False,
    ) -> int:
        from dpojob.commands.local import train as command

        return command.run(filename, volume, _chosen(format_, json), output, verbose=verbose)

    @add_command(app, "evaluate", "compare a tuned model with the job's model", help_texts.EVALUATE)
    def evaluate(
        filename: Filename,
        volume: Volumes = [],  # noqa: B006
        json: Json = False,
        format_: Document = DocumentFormat.TABLE,
        tuned: Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="the tuned model (default: that of output.volume)"),
        ] = None,
        verbose: Verbose = False,
    ) -> int:
        from dpojob.commands.local import evaluate as command

        return command.run(filename, volume, _chosen(format_, json), tuned, verbose=verbose)


def _chosen(format_: DocumentFormat, json: bool) -> DocumentFormat:
    return DocumentFormat.JSON if json else format_
