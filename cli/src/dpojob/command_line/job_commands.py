"""`run`, `check` and `init`: a job from options, a dataset before there is one, and a manifest from answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dpojob.output_format import DocumentFormat, OutputFormat

from . import help_texts
from .completion import complete_job, complete_pool
from .numbers import number, whole_number
from .options import Context, Document, Json, Namespace, Volumes
from .run_command import add_command

Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset", metavar="DATASET", help="a repository, pvc://CLAIM/PATH or an address"
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="a repository, or pvc://CLAIM/PATH")
]
FromJob = Annotated[
    str | None,
    typer.Option(
        "--from-job",
        metavar="JOB",
        help="tune the output of that DPOJob",
        autocompletion=complete_job,
    ),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="the job's name (default: MODEL-dpo)")
]
Split = Annotated[str | None, typer.Option("--split", metavar="SPLIT", help="default: train")]
Mapping = Annotated[
    list[str],
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="a column of prompt, chosen, rejected, system or tools; may be given more than once",
    ),
]
MaxCost = Annotated[
    str | None, typer.Option("--max-cost", metavar="AMOUNT", help="most to spend, such as 20.00")
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", metavar="CLAIM/PATH", help="where the model goes (default: a new claim)"
    ),
]
Push = Annotated[
    str | None, typer.Option("--push", metavar="REPO", help="repository of the hub to upload to")
]


def _number(text: str) -> Any:
    """An option that takes a number, with that help text."""
    return typer.Option(metavar="N", parser=number, help=text)


def _whole_number(text: str) -> Any:
    """The same of a whole number."""
    return typer.Option(metavar="N", parser=whole_number, help=text)


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the application.

    Args:
        app: The application.
    """

    @add_command(app, "run", "create a job from options", help_texts.RUN)
    def run(
        dataset: Annotated[
            str,
            typer.Option(
                "--dataset", metavar="DATASET", help="a repository, pvc://CLAIM/PATH or an address"
            ),
        ],
        model: Model = None,
        from_job: FromJob = None,
        name: Name = None,
        split: Split = None,
        mapping: Mapping = [],  # noqa: B006
        epochs: Annotated[float | None, _number("passes over the data (1)")] = None,
        lr: Annotated[float | None, _number("peak learning rate (5e-6)")] = None,
        beta: Annotated[float | None, _number("pull to the reference model (0.1)")] = None,
        batch_size: Annotated[int | None, _whole_number("pairs per step (8)")] = None,
        max_length: Annotated[int | None, _whole_number("tokens of a pair (1024)")] = None,
        method: Annotated[
            Literal["auto", "full", "lora", "qlora"] | None, typer.Option(help="default: auto")
        ] = None,
        pool: Annotated[
            str | None,
            typer.Option(
                metavar="POOL", help="the GPUPool (default: chosen)", autocompletion=complete_pool
            ),
        ] = None,
        gpus: Annotated[int | None, _whole_number("default: the fewest that fit")] = None,
        max_cost: MaxCost = None,
        max_duration: Annotated[
            str | None, typer.Option(metavar="TIME", help="longest training, such as 6h")
        ] = None,
        output: Output = None,
        push: Push = None,
        validate_only: Annotated[
            bool, typer.Option("--validate-only", help="inspect and plan, never train")
        ] = False,
        namespace: Namespace = None,
        context: Context = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="print the manifest, and create nothing")
        ] = False,
        watch: Annotated[
            bool, typer.Option("-w", "--watch", help="stay, until the job ends")
        ] = False,
        here: Annotated[bool, typer.Option("--here", help="train on this machine")] = False,
        volume: Volumes = [],  # noqa: B006
        format_: Annotated[
            OutputFormat | None, typer.Option("-o", "--format", help="form of standard output")
        ] = None,
    ) -> int:
        from dpojob.commands.job import run as command
        from dpojob.commands.job.job_options import JobOptions

        options = JobOptions(
            dataset=dataset, model=model, from_job=from_job, name=name, namespace=namespace, split=split,
            mapping=mapping, epochs=epochs, lr=lr, beta=beta, batch_size=batch_size,
            max_length=max_length, method=method, pool=pool, gpus=gpus, max_cost=max_cost,
            max_duration=max_duration, output=output, push=push, validate_only=validate_only,
        )  # fmt: skip
        return command.run(
            options, context, format_,
            dry_run=dry_run, watch=watch, here=here, volume=volume,
        )  # fmt: skip

    @add_command(app, "check", "check a dataset before there is a job", help_texts.CHECK)
    def check(
        dataset: Annotated[
            str,
            typer.Argument(
                metavar="DATASET", help="a repository, an address, or a path like ./pairs"
            ),
        ],
        model: Annotated[
            str | None,
            typer.Option(metavar="MODEL", help="also count its tokens: a repository or a path"),
        ] = None,
        split: Split = None,
        mapping: Mapping = [],  # noqa: B006
        json: Json = False,
        format_: Document = DocumentFormat.TABLE,
    ) -> int:
        from dpojob.commands.job import check as command

        form = DocumentFormat.JSON if json else format_
        return command.run(dataset, form, model=model, split=split, mapping=mapping)

    @add_command(app, "init", "write a manifest from a few answers", help_texts.INIT)
    def init(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="the manifest to write")] = Path(
            "dpojob.yaml"
        ),
        dataset: Dataset = None,
        model: Model = None,
        from_job: FromJob = None,
        name: Name = None,
        split: Split = None,
        max_cost: MaxCost = None,
        output: Output = None,
        yes: Annotated[bool, typer.Option("-y", "--yes", help="ask nothing")] = False,
        look: Annotated[
            bool, typer.Option("--look/--no-look", help="look at the dataset, to name its columns")
        ] = True,
    ) -> int:
        from dpojob.commands.job import init as command
        from dpojob.commands.job.job_options import JobOptions

        options = JobOptions(
            dataset=dataset or "", model=model, from_job=from_job, name=name, split=split,
            max_cost=max_cost, output=output,
        )  # fmt: skip
        return command.run(file, options, yes=yes, look=look)
