"""`dpojob run`: a job from options, on a cluster or on this machine.

The client of the cluster and the trainer are imported where they are needed: `--dry-run` needs neither.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dpojob.cluster.job_facts import job_object
from dpojob.commands.cluster.job_document import print_job, refuse_document
from dpojob.console import print_document
from dpojob.errors import CommandError
from dpojob.output_format import DocumentFormat, OutputFormat
from dpojob_api.constants import ExitCode

from .job_options import BuiltJob, JobOptions, build_job
from .sources import refuse_local

if TYPE_CHECKING:
    from dpojob.cluster.client import AsyncClient
    from dpojob_api.base import JSONObject

TO_CLUSTER = (
    "copy it to a claim and name it as pvc://CLAIM/PATH, or train on this machine with --here"
)


def run(
    options: JobOptions,
    context: str | None,
    form: OutputFormat | None,
    *,
    dry_run: bool = False,
    watch: bool = False,
    here: bool = False,
    volume: Sequence[str] = (),
) -> int:
    """Creates the job on the cluster; or prints it, or trains it here.

    Args:
        options: What the user gave.
        context: A context of the kubeconfig; None for its current one.
        form: Form of standard output; None for a line, and for YAML with `dry_run`.
        dry_run: Print the manifest and do nothing.
        watch: Stay until the job ends.
        here: Train on this machine.
        volume: The values of `--volume`, with `here`.

    Returns:
        The exit status: 0; with `watch` that of `status --watch`, with `here` that of `train`.

    Raises:
        CommandError: An option is wrong, there is no cluster, or it refuses the job.
    """
    if here:
        _refuse_ignored(options, context, form, dry_run=dry_run, watch=watch)
    if watch:
        refuse_document(form)
    built = build_job(options)
    if here:
        return _train_here(built, volume, form)
    if dry_run:
        refuse_local(built.sources, TO_CLUSTER)
        _print_manifest(built, form)
        return ExitCode.OK
    return _run_on_cluster(built, options.namespace, context, form, volume, watch=watch)


def _run_on_cluster(
    built: BuiltJob,
    namespace: str | None,
    context: str | None,
    form: OutputFormat | None,
    volume: Sequence[str],
    *,
    watch: bool,
) -> int:
    """Creates the job; where no cluster is configured, a user is asked whether to train here."""
    import asyncio

    from dpojob.cluster.client import AsyncClient
    from dpojob.cluster.kubeconfig import NoClusterError
    from dpojob.commands.cluster import status

    try:
        client = AsyncClient(namespace, context)
    except NoClusterError as error:
        if not sys.stdin.isatty():
            raise CommandError(
                f"{error}. To train on this machine, add --here", reason=None
            ) from error
        from rich.prompt import Confirm

        if not Confirm.ask("No cluster is configured. Train on this machine?", default=True):
            return ExitCode.INVALID
        return _train_here(built, volume, form)
    refuse_local(built.sources, TO_CLUSTER)
    created = asyncio.run(_create(client, built))
    _print_created(created, form)
    if watch:
        name, place = created["metadata"]["name"], created["metadata"]["namespace"]
        return asyncio.run(status.run(name, place, context, OutputFormat.TABLE, watch=True))
    return ExitCode.OK


def _refuse_ignored(
    options: JobOptions,
    context: str | None,
    form: OutputFormat | None,
    *,
    dry_run: bool,
    watch: bool,
) -> None:
    """Refuses what has no meaning beside `--here`."""
    given = {
        "--dry-run": dry_run,
        "--watch": watch,
        "--namespace": options.namespace is not None,
        "--context": context is not None,
        "-o name": form is OutputFormat.NAME,
    }
    ignored = [option for option, is_given in given.items() if is_given]
    if ignored:
        raise CommandError(f"--here trains on this machine: leave out {', '.join(ignored)}")


async def _create(client: AsyncClient, built: BuiltJob) -> JSONObject:
    from dpojob.cluster.api_errors import ApiError
    from dpojob.cluster.resources import DPOJOBS

    async with client:
        try:
            return await client.api.create(DPOJOBS, built.document)
        except ApiError as error:
            if error.api_reason == "AlreadyExists":
                raise CommandError(
                    f"{error}\nGive the new job another name: --name", reason=None
                ) from error
            raise


def _print_manifest(built: BuiltJob, form: OutputFormat | None) -> None:
    if form is OutputFormat.NAME:
        assert built.manifest.job is not None  # build_job made one.
        print(job_object(built.manifest.job.name))
    else:
        print_document(
            built.document,
            DocumentFormat.JSON if form is OutputFormat.JSON else DocumentFormat.YAML,
        )


def _print_created(found: JSONObject, form: OutputFormat | None) -> None:
    if form is None or form is OutputFormat.TABLE:
        metadata = found["metadata"]
        print(f"{job_object(metadata['name'])} created in namespace {metadata['namespace']}")
    else:
        print_job(found, form)


def _train_here(built: BuiltJob, volume: Sequence[str], form: OutputFormat | None) -> int:
    from dpojob.commands.local.request import JobRequest
    from dpojob.commands.local.train import train_request
    from dpojob.input_files.volumes import parse_volumes

    job = built.manifest.job
    assert job is not None  # build_job made one.
    request = JobRequest(built.manifest, job, {**parse_volumes(volume), **built.volumes})
    documents = (OutputFormat.JSON, OutputFormat.YAML)
    return train_request(
        request, DocumentFormat(form) if form in documents else DocumentFormat.TABLE
    )
