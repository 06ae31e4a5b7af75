"""This machine's Debian mirrors for apt, for the duration of an image build on the cached base image.

The base image names no mirror, since that may be private to this machine. Like the package index settings,
they are mounted and leave no trace in the images.
"""

import subprocess
from pathlib import Path

from devcluster.host import debian_packages

_TARGETS = ("apt-get", "indextargets", "Created-By: Packages", "Origin: Debian")
_SOURCE = "deb $(SITE) $(RELEASE) $(COMPONENT)"
_OPTIONS = (
    "Acquire::Check-Date ",
    "Acquire::Check-Valid-Until ",
    "Acquire::http::Proxy ",
    "Acquire::https::Proxy ",
)
"""Options of apt without which this machine's mirrors may not be reached or accepted."""


def _output(*command: str) -> list[str]:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.splitlines()


def write(directory: Path) -> dict[str, Path]:
    """Write apt's sources and options into `directory`; the directories to mount, by their place."""
    sources = _output(*_TARGETS, "--format", _SOURCE)
    if not sources:
        # apt knows the targets of fetched lists only.
        debian_packages.update_lists()
        sources = _output(*_TARGETS, "--format", _SOURCE)
    options = [line for line in _output("apt-config", "dump") if line.startswith(_OPTIONS)]
    lists, configuration = directory / "apt-sources", directory / "apt-configuration"
    for path, name, lines in (
        (lists, "machine.list", sorted(set(sources))),
        (configuration, "machine", options),
    ):
        path.mkdir(mode=0o755)
        (path / name).write_text("".join(f"{line}\n" for line in lines))
    return {"/etc/apt/sources.list.d": lists, "/etc/apt/apt.conf.d": configuration}
