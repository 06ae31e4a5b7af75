#!/usr/bin/env -S python3
"""Writes the ConfigMap patch of Argo CD from its Lua files. With --check, fails when it is stale."""

from __future__ import annotations

import sys

from generated_files import ROOT, write_or_check

FOLDER = ROOT / "examples/argocd"
PATCH = FOLDER / "argocd-cm-patch.yaml"
HEAD = """# Generated from the Lua files beside it by `make generate`. Do not edit.
#   kubectl -n argocd patch configmap argocd-cm --patch-file examples/argocd/argocd-cm-patch.yaml
data:
"""


def indented(text: str, spaces: int) -> str:
    """Every line with so many spaces before it; empty lines stay empty."""
    return "".join(" " * spaces + line if line.strip() else line for line in text.splitlines(True))


def patch() -> str:
    """The text of the patch: a health check of each kind, and the actions of DPOJob."""
    parts = [HEAD]
    for folder in sorted((FOLDER / "dpojob.dev").iterdir()):
        lua = (folder / "health.lua").read_text(encoding="utf-8")
        key = f"resource.customizations.health.dpojob.dev_{folder.name}"
        parts.append(f"  {key}: |\n{indented(lua, 4)}")
        actions = folder / "actions"
        if not actions.exists():
            continue
        discovery = (actions / "discovery.lua").read_text(encoding="utf-8")
        parts.append(f"  resource.customizations.actions.dpojob.dev_{folder.name}: |\n")
        parts.append(f"    discovery.lua: |\n{indented(discovery, 6)}    definitions:\n")
        for action in sorted(actions.glob("*/action.lua")):
            lua = action.read_text(encoding="utf-8")
            parts.append(
                f"    - name: {action.parent.name}\n      action.lua: |\n{indented(lua, 8)}"
            )
    return "".join(parts)


def main(arguments: list[str]) -> int:
    """Writes or checks; the exit status."""
    return write_or_check({PATCH: patch()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
