"""`dpojob plan`: the operator's plan, on pools known without a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob import trainer_bridge
from dpojob.console import print_document, print_result, print_warning
from dpojob.errors import CommandError
from dpojob.input_files.volumes import check_volumes
from dpojob.output_format import DocumentFormat
from dpojob.pools import default_pools, pool_state, read_pools
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan
from dpojob_api.quantity import parse_count
from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_planner import PoolState, plan, recommendations

from .request import JobRequest, read_request, run_inspection


def run(
    filename: str,
    volume: Sequence[str],
    form: DocumentFormat,
    *,
    parameters: str | None = None,
    rows: int | None = None,
    pools: str | None = None,
) -> int:
    """Plans the job of a manifest and prints the plan, or why there is none.

    Args:
        filename: The manifest; "-" is standard input.
        volume: The values of `--volume`.
        form: Form of standard output.
        parameters: Size of the model, such as "1.5B"; None to read the model and the dataset.
        rows: Training pairs, with `parameters`.
        pools: A file of GPUPools; "-" is standard input, None for those of the manifest or the chart's.

    Returns:
        The exit status: 0 for a plan, 1 for none.

    Raises:
        CommandError: An option is wrong, or the model cannot be read.
    """
    if pools == filename == "-":
        raise CommandError("standard input can be the job or the pools, not both")
    if rows is not None and parameters is None:
        raise CommandError("--rows goes with --parameters; without it the dataset is counted")
    request = read_request(filename, volume)
    known = _read_pools(pools, request)
    report = _build_report(parameters, rows, request)
    for recommendation in recommendations(request.job.spec):
        print_warning(recommendation)
    result = plan(request.job.spec, report, known)
    if form is not DocumentFormat.TABLE:
        print_document(result.wire(), form)
    else:
        # Imported here, since JSON is printed without rich.
        from dpojob.views.plan_view import plan_view, refusal_view

        print_result(plan_view(result) if isinstance(result, Plan) else refusal_view(result))
    return ExitCode.OK if isinstance(result, Plan) else ExitCode.INVALID


def _read_pools(file: str | None, request: JobRequest) -> list[PoolState]:
    if file is not None:
        return read_pools(file)
    if request.manifest.pools:
        return [pool_state(pool) for pool in request.manifest.pools]
    return default_pools()


def _build_report(size: str | None, rows: int | None, request: JobRequest) -> InspectionReport:
    """The report of an inspection, or one made of the sizes given on the command line."""
    if size is not None:
        try:
            parameters = parse_count(size)
        except ValueError as error:
            raise CommandError(f"--parameters: {error}") from error
        if parameters < 1:
            raise CommandError("--parameters: a model has at least one parameter")
        rows = rows or 0
        return InspectionReport(
            valid=True, rows=rows, valid_rows=rows, train_rows=rows,
            model=ModelFacts(parameters=parameters),
        )  # fmt: skip
    spec, volumes = request.job.spec, request.volumes
    check_volumes(spec, volumes, output=False)
    try:
        trainer_bridge.prepare_inspection()
        report = run_inspection(request)
    except CommandError as error:
        # A plan needs the model; without the dataset only its hours and cost are unknown.
        if spec.model.from_job is not None:
            raise
        facts = trainer_bridge.read_model_facts(spec, volumes)
        print_warning(f"planned without the dataset: {error}")
        return InspectionReport(valid=False, model=facts)
    if report.model is None:
        facts = trainer_bridge.read_model_facts(spec, volumes)
        report = report.model_copy(update={"model": facts})
    if not report.valid:
        codes = ", ".join(problem.code.value for problem in report.errors)
        print_warning(f"the dataset is invalid ({codes}); `dpojob inspect` says more")
    return report
