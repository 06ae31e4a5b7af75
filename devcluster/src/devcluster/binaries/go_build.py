"""Building a binary from Go modules, when no release can be downloaded."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devcluster.binaries.build_recipes import Recipe
from devcluster.host import console
from devcluster.host.commands import run
from devcluster.host.errors import DevclusterError
from devcluster.host.paths import cache_dir


def _go(arguments: Sequence[str], directory: Path, action: str) -> str:
    """The output of a go command that runs in `directory`; `action` names it in the error."""
    # -mod=mod: the go.mod is generated, and the go command completes it.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=mod"}
    return run("go", *arguments, what=action, env=environment, cwd=directory)


def _module(recipe: Recipe, directory: Path) -> dict[str, Any]:
    """Download the module; the output of `go mod download`, with the path of its go.mod."""
    arguments = ["mod", "download", "-json", f"{recipe.module}@{recipe.version}"]
    output = _go(arguments, directory, f"downloading the Go module {recipe.module}")
    download: dict[str, Any] = json.loads(output)
    return download


def module_directory(recipe: Recipe) -> Path:
    """The sources of a recipe's module, in Go's module cache, downloaded if they have to be."""
    with tempfile.TemporaryDirectory(prefix="module-", dir=cache_dir()) as temporary:
        return Path(_module(recipe, Path(temporary))["Dir"])


def _go_mod(recipe: Recipe, upstream: str) -> str:
    """A go.mod that requires the module as if it were the main one.

    Kubernetes keeps 31 of its libraries in its tree and refers to them by replacements that
    only hold inside it; published, they are v0.<minor>.<patch>.
    """
    staged = re.findall(r"^\s*(\S+) => \./staging/", upstream, re.MULTILINE)
    library = "v0." + recipe.version.removeprefix("v1.")
    go = re.search(r"^go \S+", upstream, re.MULTILINE)
    lines = ["module dpojob.dev/devcluster/build", go.group() if go else "go 1.24"]
    required = (f"{recipe.module} {recipe.version}", *recipe.requires)
    lines += ["\n".join(f"require {module}" for module in required)]
    lines += [f"replace {name} => {name} {library}" for name in staged]
    return "\n\n".join(lines[:3]) + "\n\n" + "\n".join(lines[3:]) + "\n"


def build(recipe: Recipe, target: Path) -> None:
    """`go build` it into `target`; prints a line every 15 seconds while it runs."""
    if shutil.which("go") is None:
        raise DevclusterError(
            f"{recipe.name} {recipe.version} is neither on PATH nor cached, its release cannot be "
            "downloaded, and there is no Go (1.25 or newer) to build it. Install Go, or put "
            f"the binary into {target.parent} as {recipe.name}-{recipe.version}."
        )
    console.log(f"building {recipe.name} {recipe.version} (one to six minutes, the first time)")
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache_dir()) as temporary:
        directory = Path(temporary)
        upstream = Path(_module(recipe, directory)["GoMod"]).read_text()
        (directory / "go.mod").write_text(_go_mod(recipe, upstream))
        if recipe.main:
            (directory / "main.go").write_text(recipe.main)
        flags = " ".join(("-s -w", *recipe.ldflags))
        # Data for debuggers, which the linker would leave out, is an eighth of the compiler's time.
        options = ("-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", flags)
        arguments = ["build", *options, "-o", str(target), recipe.package]
        with console.heartbeat(f"building {recipe.name}"):
            _go(arguments, directory, f"go build {recipe.package}")
