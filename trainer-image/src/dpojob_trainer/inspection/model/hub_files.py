"""The files of a model in a repository of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dpojob_trainer.shared import hub_client
from dpojob_trainer.shared.errors import ModelNotFound, ModelUnreadable
from dpojob_trainer.shared.hub_client import hub_api, hub_call

from .files import ModelFiles, check_text_size
from .safetensors_header import Tensors, validate_header

MALFORMED = (AttributeError, TypeError, ValueError, RecursionError)
"""What huggingface_hub raises beside its own error for a header of other JSON values than it expects."""


class HubModel:
    """A model repository, at one resolved commit.

    Args:
        repo: The repository's name on the Hugging Face Hub, such as "org/name".
        revision: A commit, a branch or a tag; None for the default branch.
        token: A token of the Hub; None for the one that huggingface_hub finds in the environment or of its
            login, if any.
    """

    def __init__(self, repo: str, revision: str | None, token: str | None) -> None:
        self.source = repo
        self._api = hub_api(token)
        self._token = token
        self._what = f"the model {repo!r}" + (f" at {revision!r}" if revision else "")
        info = hub_call(
            lambda: self._api.model_info(
                repo, revision=revision, files_metadata=True, timeout=hub_client.TIMEOUT
            ),
            self._what,
            ModelNotFound,
        )
        self.revision = info.sha
        self._sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}

    def sizes(self) -> Mapping[str, int]:
        """Bytes of every file."""
        return self._sizes

    def read(self, name: str) -> bytes | None:
        """Read a small file.

        Args:
            name: The file, relative to the model.

        Returns:
            Its bytes; None when there is none of that name.

        Raises:
            InspectionError: The file is larger than `LARGEST_TEXT`.
        """
        if name not in self._sizes:
            return None
        check_text_size(self.source, name, self._sizes[name])
        path = hub_call(
            lambda: self._api.hf_hub_download(self.source, name, revision=self.revision),
            f"{name} of {self._what}",
            ModelNotFound,
        )
        return Path(path).read_bytes()

    def header(self, name: str) -> Tensors:
        """Read the header of a safetensors file.

        Args:
            name: The file, relative to the model.

        Returns:
            By tensor name, its dtype and shape.

        Raises:
            ModelUnreadable: The header is damaged.
        """
        from huggingface_hub.errors import SafetensorsParsingError

        def call() -> Any:
            return self._api.parse_safetensors_file_metadata(
                self.source, name, revision=self.revision
            )

        try:
            metadata = hub_call(call, f"{name} of {self._what}", ModelNotFound)
        except (SafetensorsParsingError, *MALFORMED) as problem:
            raise ModelUnreadable(
                f"the header of {name} of {self.source} is damaged: {str(problem)[:150]}"
            ) from None
        header = {
            key: {
                "dtype": tensor.dtype,
                "shape": tensor.shape,
                "data_offsets": list(tensor.data_offsets),
            }
            for key, tensor in metadata.tensors.items()
        }
        return validate_header(header, name, self.source)

    def fingerprint(self, weights: Sequence[str]) -> str | None:
        """Hash the weight files and the configuration.

        Args:
            weights: The names of the weight files.

        Returns:
            The hash; None where `revision` identifies the model.
        """
        return None

    def base(self, name: str, revision: str | None) -> ModelFiles:
        """Open the base model of an adapter.

        Args:
            name: `base_model_name_or_path` of the adapter.
            revision: The revision of the base model; None for the default branch.

        Returns:
            Its files, in a repository.

        Raises:
            ModelNotFound: The name is a directory that is not on a mounted claim.
        """
        if name.startswith(("/", ".")):
            raise ModelNotFound(
                f"the adapter {self.source} names {name!r} as its base model, a directory of the machine "
                "it was trained on; write the base's repository as base_model_name_or_path"
            )
        return HubModel(name, revision, self._token)
