"""Local directories that replace a cluster's PersistentVolumeClaims (`--volume CLAIM=DIR`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dpojob.errors import CommandError
from dpojob_api.spec import ClaimPath, DPOJobSpec

from .near_path import did_you_mean_path


def parse_volumes(options: Sequence[str]) -> dict[str, Path]:
    """Parses the values of `--volume`.

    Args:
        options: The values, such as ["data=./pairs"].

    Returns:
        Claim name to absolute directory, such as {"data": Path("/home/me/pairs")}.

    Raises:
        CommandError: A value is malformed, names no directory, or repeats a claim.
    """
    volumes: dict[str, Path] = {}
    for option in options:
        claim, separator, directory = option.partition("=")
        if not separator or not claim or not directory:
            raise CommandError(f"--volume {option}: write it as --volume CLAIM=DIR")
        path = Path(directory).expanduser().absolute()
        if not path.is_dir():
            near = "" if path.exists() else did_you_mean_path(Path(directory))
            raise CommandError(f"--volume {option}: {directory} is not a directory{near}")
        if claim in volumes:
            raise CommandError(f"--volume {claim}=... is given twice")
        volumes[claim] = path
    return volumes


WRITTEN = ("spec.output.volume", "spec.cache.volume")
"""Fields of claims that only training needs."""


def check_volumes(spec: DPOJobSpec, volumes: dict[str, Path], *, output: bool) -> None:
    """Checks that the directories given are those that the job needs.

    Args:
        spec: The job's spec.
        volumes: Claim name to directory.
        output: Whether the output claim needs a directory too, as it does for training.

    Raises:
        CommandError: A claim of the job has no directory, or the job does not name a given claim.
    """
    fields: dict[str, ClaimPath | None] = {
        "spec.model.volume": spec.model.volume,
        "spec.dataset.volume": spec.dataset.volume,
        "spec.output.volume": spec.output.volume,
        "spec.cache.volume": spec.cache.volume if spec.cache is not None else None,
        **{f"spec.{field}": place for field, place in spec.evaluation_volumes.items()},
    }
    claims = {field: claim.claim_name for field, claim in fields.items() if claim is not None}
    needed = {field: claim for field, claim in claims.items() if output or field not in WRITTEN}
    missing = [
        f"{field} names the claim {claim!r}"
        for field, claim in needed.items()
        if claim not in volumes
    ]
    if missing:
        options = " ".join(
            sorted({f"--volume {claim}=DIR" for claim in needed.values() if claim not in volumes})
        )
        raise CommandError(f"{'; '.join(missing)}: say which directory it is here, with {options}")
    unused = sorted(set(volumes) - set(claims.values()))
    if unused:
        known = ", ".join(sorted(set(claims.values()))) or "none"
        raise CommandError(
            f"--volume {unused[0]}=...: the job names no such claim; it names {known}"
        )
