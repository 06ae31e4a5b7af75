"""Claims of a cluster, stood in for by local directories (`--volume CLAIM=DIR`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dpojob_api.spec import ClaimPath, DPOJobSpec

from .errors import CommandError


def parse_volumes(options: Sequence[str]) -> dict[str, Path]:
    """["data=./here"] -> {"data": Path("/abs/here")}. Raises CommandError."""
    volumes: dict[str, Path] = {}
    for option in options:
        claim, separator, directory = option.partition("=")
        if not separator or not claim or not directory:
            raise CommandError(f"--volume {option}: write it as --volume CLAIM=DIR")
        path = Path(directory).expanduser().absolute()
        if not path.is_dir():
            raise CommandError(f"--volume {option}: {directory} is not a directory")
        if claim in volumes:
            raise CommandError(f"--volume {claim}=... is given twice")
        volumes[claim] = path
    return volumes


def check_volumes(spec: DPOJobSpec, volumes: dict[str, Path], *, output: bool) -> None:
    """That every claim the job reads (and, for training, writes) has a directory.

    Raises CommandError naming the claims that have none, and those the job does not name.
    """
    named: dict[str, ClaimPath | None] = {
        "spec.model.volume": spec.model.volume,
        "spec.dataset.volume": spec.dataset.volume,
        "spec.output.volume": spec.output.volume,
    }
    claims = {field: claim.claim_name for field, claim in named.items() if claim is not None}
    needed = {f: c for f, c in claims.items() if output or f != "spec.output.volume"}
    missing = [
        f"{field} names the claim {claim!r}"
        for field, claim in needed.items()
        if claim not in volumes
    ]
    if missing:
        options = " ".join(
            sorted({f"--volume {c}=DIR" for c in needed.values() if c not in volumes})
        )
        raise CommandError(f"{'; '.join(missing)}: say which directory it is here, with {options}")
    strangers = sorted(set(volumes) - set(claims.values()))
    if strangers:
        known = ", ".join(sorted(set(claims.values()))) or "none"
        raise CommandError(
            f"--volume {strangers[0]}=...: the job names no such claim; it names {known}"
        )
