"""Installs the pinned binaries: from PATH when the version matches, the cache, a download, or a build."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from devcluster.binaries.build_recipes import RECIPES, Recipe
from devcluster.binaries.go_build import build
from devcluster.binaries.release_download import download
from devcluster.host import console
from devcluster.host.errors import DevclusterError
from devcluster.host.locks import locked
from devcluster.host.paths import cache_dir


def cached_path(recipe: Recipe) -> Path:
    """The path of a binary in the cache."""
    return cache_dir() / "bin" / f"{recipe.name}-{recipe.version}"


def _on_path(recipe: Recipe) -> Path | None:
    found = shutil.which(recipe.name)
    if found is None:
        return None
    try:
        answer = subprocess.run(
            [found, *recipe.version_arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # The exact version: neither a suffix ("-dispatcher") nor a longer number ("1.35.41").
    number = re.escape(recipe.version.removeprefix("v"))
    pattern = rf"(?<![\d.]){number}(?![\w.-])"
    return Path(found) if re.search(pattern, answer.stdout + answer.stderr) else None


def ensure(name: str) -> Path:
    """The path of a binary of the pinned version, made if it has to be."""
    try:
        recipe = RECIPES[name]
    except KeyError:
        known = ", ".join(sorted(RECIPES))
        raise DevclusterError(f"no such binary: {name}. Known are {known}.") from None
    return install(recipe)


def install(recipe: Recipe) -> Path:
    """The path of the binary of a recipe, made if it has to be."""
    target = cached_path(recipe)
    if target.exists():
        return target
    if found := _on_path(recipe):
        return found
    with locked(target.with_name(f".{target.name}.lock"), f"it makes {target.name}"):
        if not target.exists():
            _make(recipe, target)
    return target


def _make(recipe: Recipe, target: Path) -> None:
    # In the target's directory, so that the last step is a rename, which is atomic.
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if not download(recipe, temporary):
            build(recipe, temporary)
        temporary.chmod(0o755)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def ensure_all(names: Iterable[str]) -> dict[str, Path]:
    """Several of them, one after another: each build takes every core by itself."""
    names = list(names)
    missing = [name for name in names if not cached_path(RECIPES[name]).exists()]
    if missing:
        console.log(f"binaries to find, download or build: {', '.join(missing)}")
    return {name: ensure(name) for name in names}
