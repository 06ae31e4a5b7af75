"""`dpojob inspect`: the inspection that the cluster runs, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dpojob import trainer_bridge
from dpojob.console import print_document, print_result, stderr_console
from dpojob.errors import CommandError
from dpojob.input_files.volumes import check_volumes
from dpojob.output_format import DocumentFormat
from dpojob_api.constants import ExitCode

from .request import read_request, run_inspection


def run(filename: str, volume: Sequence[str], form: DocumentFormat, html: str | None = None) -> int:
    """Inspects the job of a manifest and prints the report.

    Args:
        filename: The manifest; "-" is standard input.
        volume: The values of `--volume`.
        form: Form of standard output.
        html: A file for the page with charts and rows; None for none.

    Returns:
        The exit status: 0 for a valid dataset, 1 for an invalid one.

    Raises:
        CommandError: The inspection cannot run.
    """
    request = read_request(filename, volume)
    check_volumes(request.job.spec, request.volumes, output=False)
    trainer_bridge.prepare_inspection()
    report = run_inspection(request)
    if html is not None:
        _write_page(html, trainer_bridge.html_report(request.job.spec, request.volumes, report))
    if form is not DocumentFormat.TABLE:
        print_document(report.wire(), form)
    else:
        # Imported here, since JSON is printed without rich.
        from dpojob.views.report_view import report_view

        rows = trainer_bridge.read_example_rows(request.job.spec, request.volumes, report)
        print_result(report_view(report, rows))
        if not report.valid:
            stderr_console().print(
                "Correct the dataset, or the job, and inspect again.", style="dim"
            )
    return ExitCode.OK if report.valid else ExitCode.INVALID


def _write_page(path: str, page: str) -> None:
    try:
        Path(path).write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CommandError(f"--html: {path} cannot be written: {error.strerror}") from error
