"""Builds what a release publishes.

    .venv/bin/python hack/release.py wheels OUT          # wheels of all rooms, and a package index over them
    .venv/bin/python hack/release.py check v0.1.0        # is the repository ready for this tag?

The index is a directory of static files (PEP 503): `pip install --index-url` reads it from any web server.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("api", "planner", "operator", "trainer-image", "cli")
"""The rooms that are published; devcluster is for this repository's own tests and demo."""


def main(arguments: list[str]) -> int:
    """Runs a subcommand.

    Args:
        arguments: The command line's arguments.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Build what a release publishes.")
    commands = parser.add_subparsers(dest="command", required=True)
    wheels = commands.add_parser("wheels", help="build wheels of all rooms, and an index over them")
    wheels.add_argument("directory", type=Path)
    check = commands.add_parser("check", help="say whether the repository is ready for a tag")
    check.add_argument("tag")
    options = parser.parse_args(arguments)
    if options.command == "wheels":
        build_wheels(options.directory)
        return 0
    problems = release_problems(options.tag)
    for problem in problems:
        print(f"release: {problem}", file=sys.stderr)
    return 1 if problems else 0


def build_wheels(directory: Path) -> None:
    """Builds a wheel of each published room, and an index at `directory/simple`.

    Args:
        directory: Where to write; made if absent.

    Raises:
        subprocess.CalledProcessError: A room cannot be built.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        uv = [
            str(ROOT / "hack/uv"),
            "build",
            "--quiet",
            "--wheel",
            "--out-dir",
            str(directory.resolve()),
        ]
        subprocess.run([*uv, str(ROOT / room)], check=True)
    write_index(directory)


def write_index(directory: Path) -> None:
    """Writes a package index (PEP 503) over the wheels of a directory.

    Args:
        directory: Holds the wheels; the index is written to its `simple/`.
    """
    index = directory / "simple"
    shutil.rmtree(index, ignore_errors=True)
    index.mkdir()
    names = set()
    for wheel in sorted(directory.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        names.add(name)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        page = index / name / "index.html"
        page.parent.mkdir(exist_ok=True)
        with page.open("a") as file:
            shown = html.escape(wheel.name)
            file.write(f'<a href="../../{shown}#sha256={digest}">{shown}</a>\n')
    (index / "index.html").write_text(
        "".join(f'<a href="{name}/">{name}</a>\n' for name in sorted(names))
    )


def release_problems(tag: str) -> list[str]:
    """What keeps the repository from being released under a tag.

    Args:
        tag: The tag, such as `v0.1.0`.

    Returns:
        A sentence for each problem.
    """
    if not re.fullmatch(r"v\d+\.\d+\.\d+(-[a-z]+\.\d+)?", tag):
        return [f"the tag {tag} is not of the form v1.2.3 or v1.2.3-rc.1"]
    version = tag.removeprefix("v")
    problems = []
    for room in ROOMS:
        project = tomllib.loads((ROOT / room / "pyproject.toml").read_text())["project"]
        if project["version"] != version:
            problems.append(
                f"{room}/pyproject.toml has version {project['version']}, not {version}"
            )
        problems += [
            f"{room}/pyproject.toml requires {requirement}, not version {version}"
            for requirement in internal_requirements(project)
            if not requirement.endswith(f"=={version}")
        ]
    operator = "operator/src/dpojob_operator/process/version.py"
    if f'VERSION = "{version}"\n' not in (ROOT / operator).read_text():
        problems.append(f"{operator} has another VERSION than {version}")
    chart = yaml.safe_load((ROOT / "charts/dpojob/Chart.yaml").read_text())
    problems += [
        f"charts/dpojob/Chart.yaml has {field} {chart[field]}, not {version}"
        for field in ("version", "appVersion")
        if str(chart[field]) != version
    ]
    heading = f"## {version}, "
    dated = [
        line
        for line in (ROOT / "CHANGELOG.md").read_text().splitlines()
        if line.startswith(heading)
    ]
    if not dated or not re.fullmatch(r"\d{4}-\d\d-\d\d", dated[0].removeprefix(heading)):
        problems.append(f"CHANGELOG.md has no section '{heading}YYYY-MM-DD'")
    return problems


def internal_requirements(project: dict[str, object]) -> list[str]:
    """The requirements of a room on other rooms.

    Args:
        project: The table `project` of its pyproject.toml.

    Returns:
        The requirements, as written.
    """
    requirements = list(project.get("dependencies", []))  # type: ignore[call-overload]
    for extra in project.get("optional-dependencies", {}).values():  # type: ignore[attr-defined]
        requirements += extra
    return [line for line in requirements if line.startswith("dpojob")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
