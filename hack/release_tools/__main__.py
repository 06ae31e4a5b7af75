"""The command line of `hack/release`.

hack/release check v0.1.0                               # is the checkout ready for this tag?
hack/release build v0.1.0 dist --source https://...     # check, then everything but the images
hack/release push-chart dist oci://registry/charts      # prints the chart's reference with its digest
hack/release set-version 0.2.0                          # before a release: writes the version where it is named
hack/release --local                                    # all of it, from a tag to an installed release
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cluster_tools import ROOT

from . import artifacts, local_release, versions


def main(arguments: list[str]) -> int:
    """Runs a command.

    Args:
        arguments: The command line's arguments.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    if options.local:
        return local_release.try_release(options.kubeconfig)
    if options.command == "set-version":
        versions.set_version(ROOT, options.version)
    elif options.command == "push-chart":
        print(artifacts.push_chart(options.directory, options.registry))
    else:
        problems = versions.problems(ROOT, options.tag)
        for problem in problems:
            print(f"release: {problem}", file=sys.stderr)
        if problems:
            return 1
        if options.command == "build":
            artifacts.build(options.tag, options.directory, options.source)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hack/release", description="Build, check and try what a release publishes."
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="release a copy of this checkout to a package index and an OCI registry on the loopback address, "
        "and install it from them",
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        help="with --local: the API server for `helm install`; by default one is started",
    )
    commands = parser.add_subparsers(dest="command")
    check = commands.add_parser("check", help="say whether the checkout is ready for a tag")
    check.add_argument("tag")
    build = commands.add_parser("build", help="check, and build everything but the images")
    build.add_argument("tag")
    build.add_argument("directory", type=Path)
    build.add_argument("--source", required=True, help="the address of the repository")
    push = commands.add_parser("push-chart", help="push the chart of a build to an OCI registry")
    push.add_argument("directory", type=Path)
    push.add_argument("registry", help="such as oci://ghcr.io/org/charts")
    version = commands.add_parser("set-version", help="write a version everywhere it is named")
    version.add_argument("version")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
