"""The files of a model in a directory on a claim."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from dpojob_api.spelling import nearest
from dpojob_trainer.shared.errors import ModelNotFound, ModelUnreadable
from dpojob_trainer.shared.volume_paths import is_inside, mount_path

from .files import ModelFiles, check_text_size
from .hub_files import HubModel
from .safetensors_header import Tensors, validate_header
from .weights_hash import hash_weights

LARGEST_HEADER = 100 << 20
"""safetensors' own limit on the header, in bytes."""
READ_WITH_WEIGHTS = (
    "config.json", "adapter_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "chat_template.jinja",
)  # fmt: skip
"""Files that belong to the model's identity beside its weights."""


class LocalModel:
    """A directory on a claim.

    Args:
        claim: The name of the PersistentVolumeClaim.
        path: The directory, relative to the claim's root.
        volumes: By claim, the directory in which it is mounted.
        token: A token of the Hugging Face Hub, for an adapter whose base model is a repository there; None as
            for a `HubModel`.
    """

    def __init__(
        self, claim: str, path: str, volumes: Mapping[str, Path], token: str | None
    ) -> None:
        self.source = f"{claim}/{path}".rstrip("/")
        self.revision: str | None = None
        self._claim, self._volumes, self._token = claim, volumes, token
        self._root = mount_path(
            volumes,
            claim,
            ModelNotFound(
                f"the claim {claim!r} of model.volume is not mounted here; with the dpojob command, "
                f"give it a directory: --volume {claim}=DIR"
            ),
        )
        self._directory = self._root / path
        if not is_inside(self._root, self._directory):
            raise ModelNotFound(f"{self.source} is a link out of the volume, which is not followed")
        if not self._directory.is_dir():
            parent = self._directory.parent
            there = sorted(entry.name for entry in parent.iterdir()) if parent.is_dir() else []
            near = nearest(self._directory.name, there)
            meant = (parent / near).relative_to(self._root).as_posix() if near else ""
            raise ModelNotFound(
                f"there is no directory {path!r} on the claim {claim!r}"
                + (f"; beside it: {', '.join(there[:10])}" if there else "")
                + (f". Did you mean {meant}?" if near else "")
            )

    def sizes(self) -> Mapping[str, int]:
        """Measure every file.

        Returns:
            Bytes by file name, relative to the model.

        Raises:
            ModelNotFound: A file is a link out of the volume.
        """
        found = {}
        for path in self._directory.iterdir():
            if not is_inside(self._root, path):
                raise ModelNotFound(
                    f"{path.name} in {self.source} is a link out of the volume, which is not followed"
                )
            if path.is_file():
                found[path.name] = path.stat().st_size
        return found

    def read(self, name: str) -> bytes | None:
        """Read a small file.

        Args:
            name: The file, relative to the model.

        Returns:
            Its bytes; None when there is none of that name.

        Raises:
            InspectionError: The file is larger than `LARGEST_TEXT`.
        """
        path = self._directory / name
        if not is_inside(self._root, path) or not path.is_file():
            return None
        check_text_size(self.source, name, path.stat().st_size)
        return path.read_bytes()

    def header(self, name: str) -> Tensors:
        """Read the header of a safetensors file.

        Args:
            name: The file, relative to the model.

        Returns:
            By tensor name, its dtype and shape.

        Raises:
            ModelUnreadable: The header is damaged.
        """
        path = self._directory / name
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < length <= min(LARGEST_HEADER, size - 8):
                raise ModelUnreadable(
                    f"{name} of {self.source} is not a whole safetensors file; copy it again"
                )
            text = file.read(length)
        try:
            header = json.loads(text)
        except (ValueError, RecursionError):
            raise ModelUnreadable(f"the header of {name} of {self.source} is damaged") from None
        if isinstance(header, dict):
            header.pop("__metadata__", None)
        tensors = validate_header(header, name, self.source)
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if 8 + length + end != size:
            raise ModelUnreadable(
                f"{name} of {self.source} is cut short: {size} bytes of {8 + length + end}"
            )
        return tensors

    def fingerprint(self, weights: Sequence[str]) -> str | None:
        """Hash the weight files and the configuration.

        Args:
            weights: The names of the weight files.

        Returns:
            The hash, since a volume has no revision.
        """
        named = {*weights, *READ_WITH_WEIGHTS} & self.sizes().keys()
        return hash_weights(self._directory / name for name in named)

    def base(self, name: str, revision: str | None) -> ModelFiles:
        """Open the base model of an adapter.

        Args:
            name: `base_model_name_or_path` of the adapter.
            revision: The revision of the base model; None for the default branch.

        Returns:
            Its files, on a mounted claim or in a repository.

        Raises:
            ModelNotFound: The name is a directory that is not on a mounted claim.
        """
        for claim, mounted in self._volumes.items():
            root = Path(mounted).resolve()
            for directory in (Path(name), self._directory / name, root / name):
                place = Path(os.path.normpath(directory))
                if place.is_relative_to(root) and (place / "config.json").is_file():
                    path = place.relative_to(root).as_posix()
                    return LocalModel(claim, path, self._volumes, self._token)
        if name.startswith(("/", ".")):
            raise ModelNotFound(
                f"the base model {name!r} of the adapter {self.source} is neither on a mounted claim "
                "nor a repository; put it on the adapter's claim and write its path, relative to the "
                "claim's root, as base_model_name_or_path in adapter_config.json"
            )
        return HubModel(name, revision, self._token)
