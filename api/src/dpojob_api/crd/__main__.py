"""Writes the CRDs: `python -m dpojob_api.crd DIR...`."""

from __future__ import annotations

import sys
from pathlib import Path

from dpojob_api.constants import API_VERSION

from .definitions import costquota_crd, dpojob_crd, gpupool_crd
from .yaml_writer import to_yaml


def main(directories: list[str]) -> None:
    """Write the CRDs into each directory, as `dpojobs.yaml`, `gpupools.yaml` and `costquotas.yaml`.

    Args:
        directories: Paths; directories that do not exist are made.
    """
    documents = {
        "dpojobs": dpojob_crd(),
        "gpupools": gpupool_crd(),
        "costquotas": costquota_crd(),
    }
    for directory in directories:
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            header = f"# Generated from api/ ({API_VERSION}) by `make generate`. Do not edit.\n"
            (target / f"{name}.yaml").write_text(header + to_yaml(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
