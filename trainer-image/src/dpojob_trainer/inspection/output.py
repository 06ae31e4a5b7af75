"""The output directory, before a GPU is asked for: free, or this very job's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_api.spec import Output

from .errors import CouldNotLook
from .source.volume import inside, root_of

LINEAGE = "lineage.json"
"""Written by the trainer with the model: the job's uid and name."""
MODEL = ("config.json", "adapter_config.json")


def check_output(output: Output, volumes: Mapping[str, Path], uid: str) -> None:
    """Raises CouldNotLook when the directory is another job's, or is out of the claim."""
    place = output.volume
    if place is None:
        return
    root = root_of(
        volumes,
        place.claim_name,
        CouldNotLook(
            Reason.CLAIM_NOT_FOUND,
            f"the claim {place.claim_name!r} of output.volume is not mounted here; with the dpojob "
            f"command, give it a directory: --volume {place.claim_name}=DIR",
        ),
    )
    directory = root / place.path
    name = f"{place.claim_name}/{place.path}".rstrip("/")
    if not inside(root, directory):
        raise CouldNotLook(
            Reason.OUTPUT_OCCUPIED, f"{name} is a link out of the volume; name another output path"
        )
    if directory.exists() and not directory.is_dir():
        raise CouldNotLook(
            Reason.OUTPUT_OCCUPIED, f"{name} is a file; name a directory in output.volume.path"
        )
    if not any((directory / file).is_file() for file in MODEL):
        return
    owner = _owner(directory)
    if owner is None or owner.get("uid", "") != uid:
        whose = (
            f"of the job {owner['job']!r}"
            if owner and owner.get("job")
            else "that is not this job's"
        )
        raise CouldNotLook(
            Reason.OUTPUT_OCCUPIED,
            f"{name} already holds a model {whose}; name an empty directory in output.volume.path",
        )


def _owner(directory: Path) -> dict[str, str] | None:
    path = directory / LINEAGE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
