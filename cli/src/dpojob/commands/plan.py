"""`dpojob plan`: the operator's plan, on pools known without a cluster."""

from __future__ import annotations

import argparse

from dpojob import trainer_bridge
from dpojob.console import print_json, show, warn
from dpojob.errors import CommandError
from dpojob.pools import default_pools, pools_from_file, states
from dpojob.views.plan_view import plan_view, refusal_view
from dpojob.volumes import check_volumes
from dpojob_api.constants import ExitCode
from dpojob_api.plan import Plan
from dpojob_api.quantity import parse_count
from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_planner import PoolState, plan, recommendations

from .inspect import Request, look, request


def run(options: argparse.Namespace) -> int:
    """Runs the command; its exit status."""
    if options.pools == options.filename == "-":
        raise CommandError("standard input can be the job or the pools, not both")
    if options.rows is not None and options.parameters is None:
        raise CommandError("--rows goes with --parameters; without it the dataset is counted")
    asked = request(options)
    pools = _pools(options, asked)
    report = _report(options, asked)
    for sentence in recommendations(asked.job.spec):
        warn(sentence)
    answer = plan(asked.job.spec, report, pools)
    if isinstance(answer, Plan):
        if options.json:
            print_json(answer.wire())
        else:
            show(plan_view(answer))
        return ExitCode.OK
    if options.json:
        print_json(answer.wire())
    else:
        show(refusal_view(answer))
    return ExitCode.INVALID


def _pools(options: argparse.Namespace, asked: Request) -> list[PoolState]:
    if options.pools is not None:
        return pools_from_file(options.pools)
    if asked.manifest.pools:
        return states(asked.manifest.pools)
    return default_pools()


def _report(options: argparse.Namespace, asked: Request) -> InspectionReport:
    if options.parameters is not None:
        try:
            parameters = parse_count(options.parameters)
        except ValueError as error:
            raise CommandError(f"--parameters: {error}") from error
        if parameters < 1:
            raise CommandError("--parameters: a model has at least one parameter")
        rows = options.rows or 0
        return InspectionReport(
            valid=True, rows=rows, valid_rows=rows, train_rows=rows,
            model=ModelFacts(parameters=parameters),
        )  # fmt: skip
    check_volumes(asked.job.spec, asked.volumes, output=False)
    try:
        report = look(asked)
    except CommandError as error:
        # A plan needs the model; without the dataset it lacks hours and cost only.
        if asked.job.spec.model.from_job is not None:
            raise
        facts = trainer_bridge.model_facts(asked.job.spec, asked.volumes)
        warn(f"planned without the dataset: {error}")
        return InspectionReport(valid=False, model=facts)
    if report.model is None:
        report = report.model_copy(
            update={"model": trainer_bridge.model_facts(asked.job.spec, asked.volumes)}
        )
    if not report.valid:
        problems = ", ".join(problem.code.value for problem in report.errors)
        warn(f"the dataset is invalid ({problems}); `dpojob inspect` says more")
    return report
