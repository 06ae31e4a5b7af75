"""Checks that the model can be written to the output directory: it is free, or this job's own."""

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
"""The job, the inputs and the files of the model in the directory."""
MODEL = ("config.json", "adapter_config.json")
"""A directory without any of them cannot be loaded as a model."""
MODEL_FILES = (
    constants.FILE_MODEL_CARD, constants.FILE_REPORT, constants.FILE_METRICS, LINEAGE, *MODEL,
    "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "*.gguf",
    "generation_config.json", "tokenizer*", "chat_template*", "special_tokens_map.json",
    "added_tokens.json", "vocab.*", "merges.txt",
)  # fmt: skip
"""Names of a finished model's files, and of weights that would be taken for a part of it."""
FILES_BESIDE_MODEL = (LINEAGE, constants.FILE_INSPECTION)
"""Files that nothing loads as a part of the model; the command and inspection may write them before there is one."""
LISTED_FILES = 5

Lineage = Mapping[str, Any]


def check_output(spec: DPOJobSpec, volumes: Mapping[str, Path], uid: str) -> None:
    """Raise InspectionError where the directory is occupied or outside the claim."""
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
    conflict = find_conflict(
        directory, spec, volumes, lambda lineage: lineage.get("uid", "") == uid
    )
    if conflict is not None:
        raise InspectionError(Reason.OUTPUT_OCCUPIED, f"{name} {conflict}")


def find_conflict(
    directory: Path,
    spec: DPOJobSpec,
    volumes: Mapping[str, Path],
    is_own: Callable[[Lineage], bool],
) -> str | None:
    """Why the model must not be written to `directory`, as a clause after its name; None where it may.

    Files of other kinds may be there; none of them is changed or uploaded.

    Args:
        directory: The output directory, which need not exist.
        spec: The job's spec, whose inputs must not lie in the directory.
        volumes: Claim name to the directory where it is mounted.
        is_own: Whether the lineage of a finished model is this job's.
    """
    if directory.exists() and not directory.is_dir():
        return "is a file; name a directory in output.volume.path"
    for field, source in _sources(spec, volumes):
        if source.resolve().is_relative_to(directory.resolve()):
            return f"holds what {field} names; name another directory in output.volume.path"
    recorded = lineage(directory)
    if any((directory / name).is_file() for name in MODEL):
        if is_own(recorded):
            return None
        whose = (
            f"of the job {recorded['job']!r}" if recorded.get("job") else "that is not this job's"
        )
        return f"already holds a model {whose}; name an empty directory in output.volume.path"
    own_files = {Path(name).parts[0] for name in recorded.get("files", [])} | (
        {LINEAGE} if recorded else set()
    )
    conflicts = sorted(
        name for name in _entries(directory) if _is_model_file(name) and name not in own_files
    )
    if not conflicts:
        return None
    more = f" and {len(conflicts) - LISTED_FILES} more" if len(conflicts) > LISTED_FILES else ""
    return (
        f"holds {', '.join(conflicts[:LISTED_FILES])}{more}, which the model's files would replace or be mixed "
        "with; name an empty directory in output.volume.path, or move them away"
    )


def lineage(directory: Path) -> Lineage:
    """The lineage in `directory`, of a finished model or not; empty without one."""
    try:
        content = json.loads((directory / LINEAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _entries(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()] if directory.is_dir() else []


def _is_model_file(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in MODEL_FILES)


def _sources(spec: DPOJobSpec, volumes: Mapping[str, Path]) -> list[tuple[str, Path]]:
    """The job's inputs on claims: the field, and the file or directory that it names."""
    named = (("model.volume", spec.model.volume), ("dataset.volume", spec.dataset.volume))
    return [
        (field, volumes[place.claim_name] / _without_pattern(place))
        for field, place in named
        if place is not None and place.claim_name in volumes
    ]


def _without_pattern(place: ClaimPath) -> Path:
    """The leading parts of the path that hold no glob pattern."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(place.path).parts))
