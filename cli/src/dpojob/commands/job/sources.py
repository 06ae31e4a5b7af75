"""A model or a dataset as a user names it: a repository, a claim, an address, another job, or a local path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dpojob.errors import CommandError
from dpojob.input_files.near_path import did_you_mean_path
from dpojob_api.base import JSONObject
from dpojob_api.manifest import CLAIM_SCHEME, FILE_NAME, volume_of_address
from dpojob_api.spec import REPO

Kind = Literal["model", "dataset"]
LOCAL_CLAIMS: dict[Kind, str] = {"model": "local-model", "dataset": "local-dataset"}
"""Names of claims that stand for local directories."""


@dataclass(frozen=True)
class Source:
    """What is written in the spec, and the directory that its claim stands for on this machine.

    Attributes:
        spec: The value of `spec.model` or `spec.dataset`.
        directory: The directory of a local path; None for a place that a cluster can read.
    """

    spec: JSONObject
    directory: Path | None = None


def parse_source(text: str, kind: Kind) -> Source:
    """Reads what a user named.

    Args:
        text: Such as "org/pairs", "pvc://data/train.jsonl", "https://example.com/a.jsonl" or "./pairs.jsonl".
        kind: What it is.

    Returns:
        The part of the spec.

    Raises:
        CommandError: It is none of these, or a local path that does not exist.
    """
    if text.startswith(CLAIM_SCHEME):
        return Source({"volume": claim_path(text, f"--{kind}")})
    if re.match(r"https?://", text):
        if kind == "dataset":
            return Source({"urls": [text]})
        raise CommandError(
            f"--model {text}: a model is a repository of the hub or pvc://CLAIM/PATH"
        )
    path = Path(text).expanduser()
    if text and (text.startswith((".", "/", "~")) or path.exists() or _is_missing_file(text, path)):
        return _local(text, path.absolute(), kind)
    if re.fullmatch(REPO, text):
        return Source({"repo": text})
    raise CommandError(
        f"--{kind} {text}: write a repository like org/name, pvc://CLAIM/PATH, or a path like ./{text or 'pairs.jsonl'}"
    )


def _is_missing_file(text: str, path: Path) -> bool:
    """Whether a name that could be a repository is rather that of a file that does not exist."""
    # It ends like a data file, or like some file and a file with a similar name is in its directory.
    if FILE_NAME.search(text) is not None:
        return True
    return (
        re.fullmatch(r"\.[A-Za-z]{2,8}", path.suffix) is not None
        and path.parent.is_dir()
        and did_you_mean_path(path) != ""
    )


def claim_path(text: str, option: str) -> JSONObject:
    """Reads a place on a claim.

    Args:
        text: Such as "pvc://data/train.jsonl", "data/train.jsonl" or "data".
        option: The option, for the message.

    Returns:
        `claimName` and `path` of a volume.

    Raises:
        CommandError: No claim is named.
    """
    volume = volume_of_address(text if text.startswith(CLAIM_SCHEME) else CLAIM_SCHEME + text)
    if volume is None:
        raise CommandError(f"{option} {text}: write it as pvc://CLAIM/PATH")
    return volume


def _local(text: str, path: Path, kind: Kind) -> Source:
    if not path.exists():
        raise CommandError(f"--{kind} {text}: no such file or directory{did_you_mean_path(path)}")
    claim = LOCAL_CLAIMS[kind]
    if path.is_dir():
        return Source({"volume": {"claimName": claim}}, path)
    return Source({"volume": {"claimName": claim, "path": path.name}}, path.parent)


def refuse_local(sources: dict[Kind, Source], advice: str) -> None:
    """Refuses paths of this machine where a cluster is to read them.

    Args:
        sources: The job's sources.
        advice: What to do instead, as the end of the message.

    Raises:
        CommandError: A source is a local path.
    """
    for kind, source in sources.items():
        if source.directory is not None:
            raise CommandError(
                f"--{kind}: the cluster cannot read {source.directory} on this machine; {advice}"
            )
