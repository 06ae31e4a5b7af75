"""Ports that no other cluster of this machine uses."""

import json
import random
import socket
from pathlib import Path

# Below the ephemeral range, so that no outgoing connection takes one between two starts,
# and below Kubernetes' own node ports (30000-32767).
_FIRST, _LAST = 20000, 29999


def _taken(state_root: Path) -> set[int]:
    taken: set[int] = set()
    for path in state_root.glob("*/cluster.json"):
        try:
            taken.update(json.loads(path.read_text())["ports"].values())
        except (OSError, ValueError, KeyError):
            continue
    return taken


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def choose(names: tuple[str, ...], state_root: Path) -> dict[str, int]:
    """A free port per name. Call it, and write the result down, under one lock."""
    taken = _taken(state_root)
    chosen: dict[str, int] = {}
    for name in names:
        while True:
            port = random.randint(_FIRST, _LAST)
            if port not in taken and _free(port):
                break
        chosen[name] = port
        taken.add(port)
    return chosen
