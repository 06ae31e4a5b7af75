"""Fixtures of every test: the loopback hub, and the development cluster where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from hypothesis import settings

# `tests` is a folder, not an installed package: its own modules are found from the checkout's root.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# What passed here passes there: `--hypothesis-profile explore` looks for examples that no one has seen.
settings.register_profile("same-examples", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("same-examples")

pytest_plugins = ["tests.kit.hub.server"]
if importlib.util.find_spec("devcluster.pytest_plugin") is not None:
    pytest_plugins.append("devcluster.pytest_plugin")
