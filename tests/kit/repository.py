"""The repository as the structure tests see it: members, source roots, packages and modules."""

import ast
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Member:
    """One member of the uv workspace: its folder, its pyproject and its one import package."""

    folder: Path
    project: dict[str, Any]
    package: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def sources(self) -> set[str]:
        """The distributions that uv takes from the workspace."""
        text = (self.folder / "pyproject.toml").read_text()
        return set(tomllib.loads(text).get("tool", {}).get("uv", {}).get("sources", {}))

    def modules(self) -> list[Path]:
        return sorted(self.package.rglob("*.py"))


def members() -> list[Member]:
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    found = []
    for path in workspace["members"]:
        folder = ROOT / path
        project = tomllib.loads((folder / "pyproject.toml").read_text())
        (package,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        found.append(Member(folder, project["project"], folder / package))
    return found


def top_level_imports(module: Path) -> set[str]:
    """The first part of the name of every absolute import, those inside functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def tracked_files() -> list[Path]:
    """The files that git tracks, without those that are deleted in the working tree."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]
