"""`dpojob check`: inspects a dataset before there is a job."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob import trainer_bridge
from dpojob.console import print_document, print_result
from dpojob.output_format import DocumentFormat
from dpojob_api.constants import ExitCode

from .dataset_check import dataset_request, inspect_dataset
from .job_options import column_mapping
from .sources import parse_source


def run(
    dataset: str,
    form: DocumentFormat,
    *,
    model: str | None = None,
    split: str | None = None,
    mapping: Sequence[str] = (),
) -> int:
    """Inspects the dataset and prints the report.

    Args:
        dataset: The dataset as a user names it.
        form: Form of standard output.
        model: The model as a user names it; None to check what needs none.
        split: The split; None for "train".
        mapping: The values of `--map`, such as ["prompt=question"].

    Returns:
        The exit status: 0 for a valid dataset, 1 for an invalid one.

    Raises:
        CommandError: An option is wrong, or the inspection cannot run.
    """
    source = parse_source(dataset, "dataset")
    tuned = None if model is None else parse_source(model, "model")
    spec = {**source.spec, **({"split": split} if split else {})}
    if mapping:
        spec["columnMapping"] = column_mapping(mapping)
    directories = {
        each.spec["volume"]["claimName"]: each.directory
        for each in (source, tuned)
        if each is not None and each.directory is not None
    }
    with dataset_request(spec, tuned.spec if tuned else None, directories) as request:
        report = inspect_dataset(request).model_copy(update={"source": dataset})
        if form is not DocumentFormat.TABLE:
            print_document(report.wire(), form)
        else:
            # Imported here, since JSON is printed without rich.
            from dpojob.views.report_view import report_view

            rows = trainer_bridge.read_example_rows(request.job.spec, request.volumes, report)
            print_result(report_view(report, rows))
    return ExitCode.OK if report.valid else ExitCode.INVALID
