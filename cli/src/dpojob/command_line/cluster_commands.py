"""Commands on jobs of a cluster: list, status, logs, samples, report, download, events, pools and their changes."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any, Literal

import typer

from dpojob.output_format import DocumentFormat, OutputFormat

from . import help_texts
from .completion import complete_namespace, complete_phase
from .options import Context, Document, Format, Image, JobName, Namespace, ToDirectory, ToFile
from .run_command import add_command

Running = Coroutine[Any, Any, int]


def add_to(app: typer.Typer) -> None:
    """Adds the commands to the application.

    Args:
        app: The application.
    """
    _add_readers(app)
    _add_files(app)
    _add_changes(app)
    _add_page(app)


def _add_readers(app: typer.Typer) -> None:
    @add_command(app, "list", "list jobs on a cluster", help_texts.LIST)
    def list_(
        namespace: Namespace = None,
        context: Context = None,
        everywhere: Annotated[
            bool, typer.Option("-A", "--all-namespaces", help="the jobs of all namespaces")
        ] = False,
        phase: Annotated[
            str | None,
            typer.Option(
                metavar="PHASE",
                help="only jobs in this phase, such as Training",
                autocompletion=complete_phase,
            ),
        ] = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import list_jobs

        return list_jobs.run(namespace, context, format_, everywhere=everywhere, phase=phase)

    @add_command(app, "status", "show a job on the cluster", help_texts.STATUS)
    def status(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        watch: Annotated[
            bool, typer.Option("-w", "--watch", help="stay, until the job ends")
        ] = False,
        json: Annotated[bool, typer.Option("--json", help="the job's status as JSON")] = False,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import status as command

        return command.run(name, namespace, context, format_, watch=watch, status_json=json)

    @add_command(app, "logs", "print the log of a job's pod", help_texts.LOGS)
    def logs(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        follow: Annotated[
            bool, typer.Option("--follow", help="wait for the pod, stay, and print what comes")
        ] = False,
        tail: Annotated[
            int, typer.Option(metavar="N", help="only the last N lines (-1: all)")
        ] = -1,
        stage: Annotated[
            Literal["inspect", "train"] | None,
            typer.Option(help="default: train, if there is one"),
        ] = None,
    ) -> Running:
        from dpojob.commands.cluster import logs as command

        return command.run(name, namespace, context, follow=follow, tail=tail, stage=stage)

    @add_command(app, "samples", "show answers before and after", help_texts.SAMPLES)
    def samples(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import samples as command

        return command.run(name, namespace, context, format_)

    @add_command(app, "events", "show what happened to a job", help_texts.EVENTS)
    def events(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import events as command

        return command.run(name, namespace, context, format_)

    @add_command(app, "pools", "show the cluster's GPU pools", help_texts.POOLS)
    def pools(
        action: Annotated[
            Literal["suggest"] | None,
            typer.Argument(help="suggest: print GPUPools for the cluster's nodes"),
        ] = None,
        context: Context = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import pools as command

        if action is None:
            return command.run(context, format_)
        return command.suggest(context, format_)


def _add_files(app: typer.Typer) -> None:
    @add_command(app, "report", "fetch a job's report and open it", help_texts.REPORT)
    def report(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        to: ToFile = None,
        open_: Annotated[
            bool, typer.Option("--open/--no-open", help="open it in the browser")
        ] = True,
        image: Image = None,
        format_: Document = DocumentFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import report as command

        return command.run(name, namespace, context, to, format_, open_page=open_, image=image)

    @add_command(app, "download", "copy a job's model to this machine", help_texts.DOWNLOAD)
    def download(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        to: ToDirectory = None,
        image: Image = None,
        format_: Document = DocumentFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import download as command

        return command.run(name, namespace, context, to, format_, image=image)


def _add_page(app: typer.Typer) -> None:
    @add_command(app, "ui", "show the jobs on a page in the browser", help_texts.UI)
    def ui(
        namespace: Annotated[
            list[str],
            typer.Option(
                "-n",
                "--namespace",
                metavar="NS",
                help="default: all that you may read; may be given more than once",
                autocompletion=complete_namespace,
            ),
        ] = [],  # noqa: B006
        context: Context = None,
        port: Annotated[
            int, typer.Option(metavar="N", min=0, max=65535, help="default: a free one")
        ] = 0,
        no_browser: Annotated[
            bool, typer.Option("--no-browser", help="print the address, open no browser")
        ] = False,
    ) -> int:
        from dpojob.commands.cluster import ui as command

        return command.run(context, namespace, port, browser=not no_browser)


def _add_changes(app: typer.Typer) -> None:
    @add_command(app, "suspend", "pause a job", help_texts.SUSPEND)
    def suspend(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import suspension

        return suspension.run(name, namespace, context, format_, suspend=True)

    @add_command(app, "resume", "let a job go on", help_texts.RESUME)
    def resume(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import suspension

        return suspension.run(name, namespace, context, format_, suspend=False)

    @add_command(app, "cancel", "delete a job, keeping its output", help_texts.CANCEL)
    def cancel(
        name: JobName,
        namespace: Namespace = None,
        context: Context = None,
        yes: Annotated[bool, typer.Option("-y", "--yes", help="do not ask")] = False,
        format_: Format = OutputFormat.TABLE,
    ) -> Running:
        from dpojob.commands.cluster import cancel as command

        return command.run(name, namespace, context, format_, yes=yes)
