"""The command line: every command with its options and help text. Imports nothing large."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

INSPECT = """\
Checks every row of the dataset and reads the model's own files, on this machine.

Prints the verdict, the problems with rows to look at, and YAML to paste. Runs what the cluster runs.

exit status:
  0  the dataset can be trained on
  1  it cannot; the output says what to write
  2  could not look: a bad manifest, no such dataset or model, no access, an unreadable file

examples:
  dpojob inspect -f job.yaml
  dpojob inspect -f job.yaml --volume data=./pairs --json | jq .problems
  dpojob inspect -f job.yaml --html report.html
  HF_TOKEN=hf_... dpojob inspect -f job.yaml          a private or gated repository
"""
PLAN = """\
Chooses the pool, the method and the batch, with memory, hours and cost of every pool considered.

The pools are those of --pools, else the GPUPools in FILE, else the chart's default catalogue. The
model and the dataset are inspected, unless --parameters gives the model's size.

exit status:
  0  a plan was found
  1  nothing fits, or nothing within the budget
  2  could not look: a bad manifest, no such model, no access

examples:
  dpojob plan -f job.yaml
  dpojob plan -f job.yaml --parameters 1.5B --rows 12859
  kubectl get gpupools -o yaml | dpojob plan -f job.yaml --pools -
"""
TRAIN = """\
Inspects, plans for this machine and trains, as the cluster would; for small models and for trying.

Writes the model, its card, report.html, metrics.jsonl and inspection.json to the directory given for
output.volume's claim, or to --output. Ctrl-C saves a checkpoint; the same command goes on from it.

exit status:
  0   the model and its report are in place
  1   training failed unexpectedly, or nothing fits this machine
  2   could not look: a bad manifest, no such dataset or model
  10  the spec or the data must change first; so also an invalid dataset
  11  out of memory   12  stopped with a checkpoint   13  disk full   14  unhealthy, onUnhealthy: Stop

examples:
  dpojob train -f job.yaml --volume data=./pairs --volume models=./models
  dpojob train -f job.yaml --output ./tuned
"""
EVALUATE = """\
Compares a tuned model with the job's model on held-out prompts, on this machine; trains nothing.

The tuned model is --tuned, else the one in the directory given for output.volume's claim. The judge is that
of spec.evaluation; without one, only figures that need none. Prompts with answers and scores are
written to evaluation.jsonl beside the tuned model. Ctrl-C keeps the answers; the same command goes on.

exit status:
  0   the tuned model is better, or no judge was asked for
  1   it is not, or that is not decided
  2   could not look: a bad manifest, no such dataset or model, or the judge failed

examples:
  dpojob evaluate -f job.yaml --volume data=./pairs --tuned ./tuned
"""
STATUS = """\
Shows a job on the cluster: phase, progress, margins, time left, cost, and why it is where it is.

exit status with --watch: 0 when the job completes, 1 when it fails or is deleted.

examples:
  dpojob status helpful-qwen -n team-a --watch
"""
UI = """\
Serves a page on this machine: all jobs, one job live with its curves, or several compared.

It reads the cluster with your kubeconfig and rights, through kubectl, and changes nothing. Only the
address that is printed opens it, and only on this machine. Ctrl-C ends it.

examples:
  dpojob ui
  dpojob ui -n team-a -n team-b --no-browser
"""
CLUSTER_DESCRIPTIONS = {
    "logs": "Prints the log of the job's newest pod: the training's, else the inspection's.",
    "suspend": "Pauses a job: training stops with a checkpoint and frees its GPUs.",
    "resume": "Lets a suspended job go on, from its newest complete checkpoint.",
    "cancel": "Deletes a job. Its output claim, and what it uploaded, stay.",
}
"""Command to the description that `--help` prints above its options."""

_AddCommand = Callable[[str, str, str], argparse.ArgumentParser]
"""Adds a command by (name, one-line help, description); returns its parser."""


def build_parser(program: str) -> argparse.ArgumentParser:
    """Defines every command with its options and help text.

    Args:
        program: The program's name in usage lines: `dpojob`, or `kubectl dpo` for the plugin.

    Returns:
        A parser whose result has `command`, the chosen command's name, or None where none was given.
    """
    top = argparse.ArgumentParser(
        prog=program,
        description="Inspect, plan and train a DPOJob on this machine, or follow one on a cluster.",
        epilog=f"`{program} COMMAND --help` says more, with examples.",
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, help_: str, description: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=help_,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    inspect = add("inspect", "check the dataset and the model", INSPECT)
    plan = add("plan", "choose the GPU, with its price", PLAN)
    train = add("train", "train on this machine", TRAIN)
    evaluate = add("evaluate", "compare a tuned model with the job's model", EVALUATE)
    for command in (inspect, plan, train, evaluate):
        command.add_argument(
            "-f",
            "--filename",
            required=True,
            metavar="FILE",
            help="the DPOJob; - is standard input",
        )
        command.add_argument(
            "--volume", action="append", default=[], metavar="CLAIM=DIR",
            help="let DIR stand in for a claim; may be given more than once",
        )  # fmt: skip
        command.add_argument("--json", action="store_true", help="JSON on standard output, only")
    inspect.add_argument(
        "--html", metavar="FILE", help="also write one page with charts and rows to FILE"
    )
    plan.add_argument(
        "--parameters", metavar="N", help="size of the model, such as 1.5B; nothing is inspected"
    )
    plan.add_argument(
        "--rows",
        type=_positive_integer,
        metavar="N",
        help="training pairs, for hours and cost with --parameters",
    )
    plan.add_argument("--pools", metavar="FILE", help="GPUPools to plan on; - is standard input")
    train.add_argument(
        "--output", type=Path, metavar="DIR",
        help="where the model goes when the job names no output.volume (default: ./NAME-output)",
    )  # fmt: skip
    evaluate.add_argument(
        "--tuned", type=Path, metavar="DIR", help="the tuned model (default: that of output.volume)"
    )
    for command in (train, evaluate):
        command.add_argument("-v", "--verbose", action="store_true", help="the trainer's whole log")
    _add_cluster_commands(add)
    return top


def _add_cluster_commands(add: _AddCommand) -> None:
    status = add("status", "show a job on the cluster", STATUS)
    status.add_argument("-w", "--watch", action="store_true", help="stay, until the job ends")
    status.add_argument("--json", action="store_true", help="the job's status as JSON")
    status.add_argument(
        "--interval", type=_seconds, default=2.0, metavar="S", help="seconds between looks (2)"
    )
    logs = add("logs", "print the log of a job's pod", CLUSTER_DESCRIPTIONS["logs"])
    logs.add_argument("--follow", action="store_true", help="stay, and print what comes")
    logs.add_argument("--tail", type=int, default=-1, metavar="N", help="only the last N lines")
    logs.add_argument(
        "--stage", choices=("inspect", "train"), help="default: train, if there is one"
    )
    suspend = add("suspend", "pause a job", CLUSTER_DESCRIPTIONS["suspend"])
    resume = add("resume", "let a job go on", CLUSTER_DESCRIPTIONS["resume"])
    cancel = add(
        "cancel",
        "delete a job, keeping its output",
        CLUSTER_DESCRIPTIONS["cancel"],
    )
    cancel.add_argument("-y", "--yes", action="store_true", help="do not ask")
    ui = add("ui", "show the jobs on a page in the browser", UI)
    ui.add_argument(
        "-n", "--namespace", action="append", metavar="NS",
        help="default: all that you may read; may be given more than once",
    )  # fmt: skip
    ui.add_argument("--context", metavar="NAME", help="default: kubectl's own")
    ui.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    ui.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    for command in (status, logs, suspend, resume, cancel):
        command.add_argument("name", metavar="NAME", help="the DPOJob's name")
        command.add_argument("-n", "--namespace", metavar="NS", help="default: kubectl's own")
        command.add_argument("--context", metavar="NAME", help="default: kubectl's own")


def _positive_integer(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pairs; write it like 12859")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: give seconds between 0.1 and 3600")
    return seconds
