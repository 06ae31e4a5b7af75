"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dpojob.output_format import DocumentFormat, OutputFormat

from .completion import complete_context, complete_job, complete_namespace

Filename = Annotated[
    str,
    typer.Option("-f", "--filename", metavar="FILE", help="the DPOJob; - is standard input"),
]
Volumes = Annotated[
    list[str],
    typer.Option(
        "--volume",
        metavar="CLAIM=DIR",
        help="let DIR stand in for a claim; may be given more than once",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, only: -o json")]
Document = Annotated[DocumentFormat, typer.Option("-o", "--format", help="form of standard output")]
Format = Annotated[OutputFormat, typer.Option("-o", "--format", help="form of standard output")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="the trainer's whole log")]
JobName = Annotated[
    str, typer.Argument(metavar="NAME", help="the DPOJob's name", autocompletion=complete_job)
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NS",
        help="default: that of the kubeconfig's context",
        autocompletion=complete_namespace,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="default: the kubeconfig's current one",
        autocompletion=complete_context,
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="IMAGE",
        help="of the pod that reads the claim; it needs sleep, cat and tar (default: that of the job's own pods)",
    ),
]
ToFile = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="the file to write")]
ToDirectory = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="the directory to make (default: ./NAME)")
]
