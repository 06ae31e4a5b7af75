"""The merge of an adapter tensor by tensor, from the base's files.

The model is built without memory for its weights. A layer that the adapter changes gets its weights from the
base's files when its merged tensor is read, and gives their memory back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import AuxiliaryTrainingWrapper, ModulesToSaveWrapper
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from .checkpoint_files import CheckpointFiles, TensorInfo
from .loading import TRAINED_ADAPTER, prepare_embeddings_for_merge, with_mean_rows
from .merge_check import check_outputs, sample_inputs
from .placeholders import Placeholder, outermost_wrappers, replace_by_placeholders

WEIGHT_KEEPING_INITIALISATIONS = (True, False, "gaussian", "orthogonal", "eva")
"""LoRA's initialisations that leave the base's weights as they are; the others change them on loading."""


@dataclass(frozen=True)
class _Weight:
    """One tensor of the merged model."""

    name: str
    """The name in the model."""
    source: str
    """Its tensor in the base's files."""


class TensorMerge:
    """The merged tensors by their names in the written files, each computed when it is read."""

    def __init__(self, model: Any, adapter: Path, files: CheckpointFiles) -> None:
        """`model` is on the meta device, and gets the adapter here."""
        names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
        self._tied: dict[str, str] = dict(model.all_tied_weights_keys)
        prepare_embeddings_for_merge(model, adapter)
        replace_by_placeholders(model, torch.float32)
        # Otherwise PEFT would copy weights of the adapter's file into placeholders.
        adapted = PeftModel.from_pretrained(model, adapter, low_cpu_mem_usage=True)
        self.model = adapted.eval().get_base_model()
        self._files = files
        self._stored = files.infos()
        self._layers: dict[str, BaseTunerLayer] = {}
        """The layer that merges each weight, by the weight's name."""
        self._replaced: dict[str, torch.Tensor] = {}
        """Weights that the adapter's file holds whole, by name."""
        self._is_supported = True
        self._find_changes()
        self._weights = self._name_weights(names)

    @classmethod
    def plan(cls, base: Path, adapter: Path) -> TensorMerge | None:
        """The merge of these; None where it needs the whole model in memory."""
        config = PeftConfig.from_pretrained(adapter)
        if (
            isinstance(config, LoraConfig)
            and config.init_lora_weights not in WEIGHT_KEEPING_INITIALISATIONS
        ):
            return None
        base_config = AutoConfig.from_pretrained(base, trust_remote_code=False)
        if hasattr(base_config, "quantization_config"):
            return None
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(base_config, trust_remote_code=False)
        merge = cls(model, adapter, CheckpointFiles(base))
        return merge if merge._is_possible() else None

    def _find_changes(self) -> None:
        for name, module in outermost_wrappers(self.model):
            if isinstance(module, ModulesToSaveWrapper):
                for attribute, weight in module.modules_to_save[TRAINED_ADAPTER].named_parameters():
                    self._replaced[f"{name}.{attribute}"] = weight
            elif isinstance(module, BaseTunerLayer):
                base = module.get_base_layer()
                self._is_supported &= isinstance(
                    base, torch.nn.Linear | torch.nn.Embedding | Conv1D
                )
                for attribute, _ in base.named_parameters(recurse=False):
                    self._layers[f"{name}.{attribute}"] = module
            elif isinstance(module, AuxiliaryTrainingWrapper):
                self._is_supported = False
            else:
                for attribute, weight in module.named_parameters(recurse=False):
                    if not isinstance(weight, Placeholder):
                        self._replaced[f"{name}.{attribute}"] = weight

    def _name_weights(self, names: list[str]) -> dict[str, _Weight]:
        """Every tensor to write by its key. Unties the embeddings where the merge makes them differ."""
        prefix = f"{self.model.base_model_prefix}."
        found = {}
        for key in self._stored:
            # Some files name the weights as in the model without its head.
            name = key if key in names or prefix + key not in names else prefix + key
            if name not in self._tied:
                found[key] = _Weight(name, key)
        sources = {weight.name: weight.source for weight in found.values()}
        for name, source in self._tied.items():
            if source in sources and not self._stays_tied(name, source):
                found[name] = _Weight(name, sources[source])
                for config in (self.model.config, self.model.config.get_text_config()):
                    config.tie_word_embeddings = False
        return found

    def _stays_tied(self, name: str, source: str) -> bool:
        if name in self._replaced and source in self._replaced:
            return torch.equal(self._replaced[name], self._replaced[source])
        return not any(n in self._replaced or n in self._layers for n in (name, source))

    def _is_possible(self) -> bool:
        """Whether each changed weight is in the base's files as the model has it."""
        written = {weight.name: self._stored[weight.source] for weight in self._weights.values()}
        changed = {name for name in (*self._layers, *self._replaced) if name not in self._tied}
        return self._is_supported and all(
            name in written
            and written[name].dtype.is_floating_point
            and written[name].shape[1:] == (self._shape(name) or ())[1:]
            for name in changed
        )

    def _shape(self, name: str) -> tuple[int, ...] | None:
        """The shape in the merged model; None for a tensor that is not among the model's weights."""
        if name in self._replaced:
            return tuple(self._replaced[name].shape)
        if name in self._layers:
            base = self._layers[name].get_base_layer()
            return tuple(getattr(base, name.rpartition(".")[2]).shape)
        try:
            return tuple(self.model.get_parameter(name).shape)
        except AttributeError:
            return None

    def infos(self, dtype: torch.dtype | None) -> dict[str, TensorInfo]:
        """Shape and dtype of every tensor to write, by key.

        Args:
            dtype: Of the written weights; as they are stored by default.
        """
        found = {}
        for key, weight in self._weights.items():
            stored = self._stored[weight.source]
            kind = dtype if dtype is not None and stored.dtype.is_floating_point else stored.dtype
            found[key] = TensorInfo(self._shape(weight.name) or stored.shape, kind)
        return found

    def tensor(self, key: str) -> torch.Tensor:
        """The merged tensor, in fp32 where the adapter changes it."""
        weight = self._weights[key]
        if weight.name in self._replaced:
            return self._replaced[weight.name]
        if weight.name in self._layers:
            return self._merged(weight)
        return self._read(weight)

    def _read(self, weight: _Weight) -> torch.Tensor:
        """The base's tensor, with the rows of tokens that the adapter's training added."""
        stored, shape = self._files.read(weight.source), self._shape(weight.name)
        if shape is None or len(shape) != 2 or len(stored) == shape[0]:
            return stored
        return with_mean_rows(stored[: shape[0]], shape[0])

    def _merged(self, weight: _Weight) -> torch.Tensor:
        """The weight with the adapter, merged and checked in fp32 by PEFT's layer."""
        layer = self._layers[weight.name]
        base = layer.get_base_layer()
        layer_name, _, attribute = weight.name.rpartition(".")
        with self._base_weights(base, layer_name):
            inputs = sample_inputs(base)
            expected = layer(inputs)
            layer.merge(safe_merge=True)
            check_outputs(layer(inputs), expected)
            merged: torch.Tensor = getattr(base, attribute).data
        layer.merged_adapters.clear()
        return merged

    @contextmanager
    def _base_weights(self, base: torch.nn.Module, layer_name: str) -> Iterator[None]:
        """The base's weights in place of a layer's placeholders, in fp32."""
        by_name = {weight.name: weight for weight in self._weights.values()}
        placeholders = {
            name: parameter
            for name, parameter in base.named_parameters(recurse=False)
            if isinstance(parameter, Placeholder)
        }
        for name in placeholders:
            values = self._read(by_name[f"{layer_name}.{name}"]).float()
            setattr(base, name, torch.nn.Parameter(values, requires_grad=False))
        try:
            yield
        finally:
            for name, parameter in placeholders.items():
                setattr(base, name, parameter)
