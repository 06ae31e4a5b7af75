"""The output directory, before anything is written there: free, or this very job's own."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from itertools import takewhile
from pathlib import Path
from typing import Any

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.spec import ClaimPath, DPOJobSpec

from .errors import InspectionError
from .volume_paths import is_inside, mount_path

LINEAGE = "lineage.json"
"""Whose model the directory holds, from what it came, and which files were put there."""
MODEL = ("config.json", "adapter_config.json")
"""Without one of them, nothing can load the directory as a model."""
WRITTEN = (
    constants.FILE_MODEL_CARD, constants.FILE_REPORT, constants.FILE_METRICS, LINEAGE, *MODEL,
    "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.gguf",
    "generation_config.json", "tokenizer*", "chat_template*", "special_tokens_map.json",
    "added_tokens.json", "vocab.*", "merges.txt",
)  # fmt: skip
"""What a finished model's files are called, and weights that would be taken for a part of it."""
SHOWN = 5

Lineage = Mapping[str, Any]


def check_output(spec: DPOJobSpec, volumes: Mapping[str, Path], uid: str) -> None:
    """Raises InspectionError when the directory cannot be written to, or is out of the claim."""
    place = spec.output.volume
    if place is None:
        return
    root = mount_path(
        volumes,
        place.claim_name,
        InspectionError(
            Reason.CLAIM_NOT_FOUND,
            f"the claim {place.claim_name!r} of output.volume is not mounted here; with the dpojob "
            f"command, give it a directory: --volume {place.claim_name}=DIR",
        ),
    )
    directory = root / place.path
    name = f"{place.claim_name}/{place.path}".rstrip("/")
    if not is_inside(root, directory):
        raise InspectionError(
            Reason.OUTPUT_OCCUPIED, f"{name} is a link out of the volume; name another output path"
        )
    said = objection(directory, spec, volumes, lambda told: told.get("uid", "") == uid)
    if said is not None:
        raise InspectionError(Reason.OUTPUT_OCCUPIED, f"{name} {said}")


def objection(
    directory: Path,
    spec: DPOJobSpec,
    volumes: Mapping[str, Path],
    mine: Callable[[Lineage], bool],
) -> str | None:
    """Why the model may not be put into `directory`, as what follows its name; None when it may.

    Files of other kinds may lie there; none of them is touched or uploaded.
    """
    if directory.exists() and not directory.is_dir():
        return "is a file; name a directory in output.volume.path"
    for field, source in _sources(spec, volumes):
        if source.resolve().is_relative_to(directory.resolve()):
            return f"holds what {field} names; name another directory in output.volume.path"
    told = lineage(directory)
    if any((directory / name).is_file() for name in MODEL):
        if mine(told):
            return None
        whose = f"of the job {told['job']!r}" if told.get("job") else "that is not this job's"
        return f"already holds a model {whose}; name an empty directory in output.volume.path"
    own = {Path(name).parts[0] for name in told.get("files", [])} | ({LINEAGE} if told else set())
    taken = sorted(name for name in _entries(directory) if _written(name) and name not in own)
    if not taken:
        return None
    more = f" and {len(taken) - SHOWN} more" if len(taken) > SHOWN else ""
    return (
        f"holds {', '.join(taken[:SHOWN])}{more}, which the model's files would replace or be mixed "
        "with; name an empty directory in output.volume.path, or move them away"
    )


def lineage(directory: Path) -> Lineage:
    """What the trainer wrote of the model in `directory`, finished or not; empty without it."""
    try:
        told = json.loads((directory / LINEAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _entries(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()] if directory.is_dir() else []


def _written(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in WRITTEN)


def _sources(spec: DPOJobSpec, volumes: Mapping[str, Path]) -> list[tuple[str, Path]]:
    """What the job reads on claims: the field, and the file or directory it names."""
    named = (("model.volume", spec.model.volume), ("dataset.volume", spec.dataset.volume))
    return [
        (field, volumes[place.claim_name] / _fixed(place))
        for field, place in named
        if place is not None and place.claim_name in volumes
    ]


def _fixed(place: ClaimPath) -> Path:
    """The part of the path that holds no pattern."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(place.path).parts))
