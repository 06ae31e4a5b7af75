"""Writes the CRDs: `python -m dpojob_api.crd DIR...`."""

from __future__ import annotations

import sys
from pathlib import Path

from dpojob_api.constants import API_VERSION

from .definitions import dpojob_crd, gpupool_crd
from .yaml_writer import to_yaml


def main(directories: list[str]) -> None:
    """Write both CRDs into each directory, as `dpojobs.yaml` and `gpupools.yaml`.

    Args:
        directories: Paths; directories that do not exist are made.
    """
    for directory in directories:
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        for name, document in (("dpojobs", dpojob_crd()), ("gpupools", gpupool_crd())):
            header = f"# Generated from api/ ({API_VERSION}) by `make generate`. Do not edit.\n"
            (target / f"{name}.yaml").write_text(header + to_yaml(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
