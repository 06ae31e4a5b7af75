"""This machine's package index settings for pip and uv, for the duration of an image build.

They are mounted, never copied, set as variables or passed as build arguments: those end up in the
image or in its history, and an index address may hold a password.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

_CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_COPIED_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "timeout", "retries")


def _pip_settings() -> dict[str, str]:
    """The output of `pip config list`, which covers every file and variable that pip reads."""
    pip = shutil.which("pip") or shutil.which("pip3")
    command = [pip] if pip else [sys.executable, "-m", "pip"]
    result = subprocess.run(
        [*command, "config", "list"], capture_output=True, text=True, check=False
    )
    settings: dict[str, str] = {}
    # Later lines weigh more: global, user, site, then the environment.
    for line in result.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in _COPIED_SETTINGS:
            settings[name] = str(ast.literal_eval(value))
    return settings


def write(directory: Path) -> dict[str, Path]:
    """Write settings files into `directory`; the directories to mount, by their place."""
    settings = _pip_settings()
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    index = index or settings.get("index-url")
    pip, uv = directory / "pip", directory / "uv"
    for path in (pip, uv):
        path.mkdir(mode=0o755)
    lines = [f"{key} = {' '.join(value.split())}" for key, value in settings.items()]
    (pip / "pip.conf").write_text("\n".join(["[global]", f"cert = {_CA_BUNDLE}", *lines]) + "\n")
    uv_lines = [f'index-url = "{index}"'] if index else []
    if extra := settings.get("extra-index-url"):
        uv_lines.append(f"extra-index-url = {[str(url) for url in extra.split()]}")
    (uv / "uv.toml").write_text("\n".join(uv_lines) + "\n")
    return {"/etc/xdg/pip": pip, "/etc/uv": uv}
