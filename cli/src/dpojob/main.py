"""The command line. What a command needs is imported when it runs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import CommandError

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
STATUS = """\
Shows a job on the cluster: phase, progress, margins, time left, cost, and why it is where it is.

exit status with --watch: 0 when the job completes, 1 when it fails or is deleted.

examples:
  dpojob status helpful-qwen -n team-a --watch
"""


_Add = Callable[[str, str, str, str], argparse.ArgumentParser]
"""(name, help, description, "module:function") to the new command's parser."""


def parser(program: str) -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog=program,
        description="Inspect, plan and train a DPOJob on this machine, or follow one on a cluster.",
        epilog=f"`{program} COMMAND --help` says more, with examples.",
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, help_: str, description: str, run: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=help_,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    inspect = add("inspect", "check the dataset and the model", INSPECT, "commands.inspect:run")
    plan = add("plan", "choose the GPU, with its price", PLAN, "commands.plan:run")
    train = add("train", "train on this machine", TRAIN, "commands.train:run")
    for command in (inspect, plan, train):
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
    plan.add_argument(
        "--parameters", metavar="N", help="size of the model, such as 1.5B; nothing is inspected"
    )
    plan.add_argument(
        "--rows",
        type=_whole,
        metavar="N",
        help="training pairs, for hours and cost with --parameters",
    )
    plan.add_argument("--pools", metavar="FILE", help="GPUPools to plan on; - is standard input")
    train.add_argument(
        "--output", type=Path, metavar="DIR",
        help="where the model goes when the job names no output.volume (default: ./NAME-output)",
    )  # fmt: skip
    train.add_argument("-v", "--verbose", action="store_true", help="the trainer's whole log")
    _add_cluster(add)
    return top


def _add_cluster(add: _Add) -> None:
    status = add("status", "show a job on the cluster", STATUS, "commands.status:status")
    status.add_argument("-w", "--watch", action="store_true", help="stay, until the job ends")
    status.add_argument("--json", action="store_true", help="the job's status as JSON")
    status.add_argument(
        "--interval", type=_seconds, default=2.0, metavar="S", help="seconds between looks (2)"
    )
    logs = add("logs", "print the log of a job's pod", cluster_text("logs"), "commands.status:logs")
    logs.add_argument("--follow", action="store_true", help="stay, and print what comes")
    logs.add_argument("--tail", type=int, default=-1, metavar="N", help="only the last N lines")
    logs.add_argument(
        "--stage", choices=("inspect", "train"), help="default: train, if there is one"
    )
    suspend = add("suspend", "pause a job", cluster_text("suspend"), "commands.status:suspend")
    resume = add("resume", "let a job go on", cluster_text("resume"), "commands.status:resume")
    cancel = add(
        "cancel",
        "delete a job, keeping its output",
        cluster_text("cancel"),
        "commands.status:cancel",
    )
    cancel.add_argument("-y", "--yes", action="store_true", help="do not ask")
    for command in (status, logs, suspend, resume, cancel):
        command.add_argument("name", metavar="NAME", help="the DPOJob's name")
        command.add_argument("-n", "--namespace", metavar="NS", help="default: kubectl's own")
        command.add_argument("--context", metavar="NAME", help="default: kubectl's own")


def cluster_text(command: str) -> str:
    """What `--help` says of the short commands."""
    return {
        "logs": "Prints the log of the job's newest pod: the training's, else the inspection's.",
        "suspend": "Pauses a job: training stops with a checkpoint and frees its GPUs.",
        "resume": "Lets a suspended job go on, from its newest complete checkpoint.",
        "cancel": "Deletes a job. Its output claim, and what it uploaded, stay.",
    }[command]


def _whole(text: str) -> int:
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line; its exit status."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    top = parser("kubectl dpo" if plugin else "dpojob")
    options = top.parse_args(arguments)
    if options.version:
        from importlib.metadata import version

        print(f"dpojob {version('dpojob')}")
        return 0
    if options.command is None:
        top.print_help()
        return 2
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from .errors import CommandError

    module, _, function = options.run.partition(":")
    try:
        run = getattr(importlib.import_module(f".{module}", __package__), function)
        return int(run(options))
    except CommandError as error:
        if getattr(options, "json", False):
            from .console import print_json

            print_json(failure(options.command, error))
        else:
            print(f"{options.command}: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; nothing is left to say, not even on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def failure(command: str, error: CommandError) -> dict[str, object]:
    """The JSON of a command that could not do what was asked."""
    if command == "inspect":
        from dpojob_api.report import InspectionReport

        return InspectionReport(valid=False, reason=error.reason, error=str(error)).wire()
    reason = {} if error.reason is None else {"reason": error.reason}
    return {"error": str(error), **reason}


if __name__ == "__main__":
    sys.exit(main())
