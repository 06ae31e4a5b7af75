"""TRL's trainer with reference log-probabilities that an earlier job has computed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from dpojob_trainer.training.cache import LogProbabilityStore, pair_keys, reference_key

from .tokenized_rows_trainer import TokenizedRowsTrainer

log = logging.getLogger(__name__)
TOLERANCE = {"no": 1e-2, "fp16": 0.5, "bf16": 2.0}
"""Largest difference of a stored log-probability of an answer from one that is computed again, nats, by the type of
the computation. Rows that are padded otherwise are rounded otherwise; a wrong reference differs by more."""


class ReferenceStoreTrainer(TokenizedRowsTrainer):
    """Looks the reference's log-probabilities up before it computes them."""

    def __init__(self, *, reference_store: Path | None, notes: list[str], **kwargs: Any) -> None:
        """Prepare as TokenizedRowsTrainer does; where the reference is computed ahead, this computes it.

        Args:
            reference_store: Directory of the store; None for none.
            notes: Where to write why stored values are not used.
            kwargs: Of TokenizedRowsTrainer.
        """
        self._store_directory = reference_store
        self._store: LogProbabilityStore | None = None
        self._store_checked = False
        self._store_notes = notes
        try:
            super().__init__(notes=notes, **kwargs)
        finally:
            # A job that is stopped while it computes them leaves what it has to its next attempt.
            if self._store is not None:
                self._store.save()

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, Any]) -> Any:
        """The reference's log-probabilities of a batch, from the store where it has all of them."""
        if self._store_directory is None or self.is_fsdp_enabled:
            # Processes that share a model would have to agree on every batch.
            return super().compute_ref_log_probs(model, inputs)
        if self._store is None:
            self._store = LogProbabilityStore(self._store_directory, self._reference_key(model))
            log.info("%d pairs have stored reference log-probabilities", len(self._store))
        keys = pair_keys(inputs)
        found = [self._store.get(key) for key in keys]
        known = [values for values in found if values is not None]
        if len(known) == len(keys) and self._store_checked:
            return tuple(torch.tensor(known, device=self.accelerator.device).T)
        computed = super().compute_ref_log_probs(model, inputs)
        values = list(zip(*(each.double().tolist() for each in computed), strict=True))
        if known and not self._store_checked:
            self._check(found, values)
        if self._store_directory is not None:
            for key, pair in zip(keys, values, strict=True):
                self._store.add(key, pair)
        return computed

    def _check(self, found: list[Any], values: list[Any]) -> None:
        """Compare the first stored values with computed ones, and leave the store out where they differ."""
        self._store_checked = True
        difference = max(
            abs(one - other)
            for stored, pair in zip(found, values, strict=True)
            if stored is not None
            for one, other in zip(stored, pair, strict=True)
        )
        tolerance = TOLERANCE[self.accelerator.mixed_precision]
        if not difference <= tolerance:
            self._store_directory = self._store = None
            self._store_notes.append(
                f"stored reference log-probabilities are not used: one differs by {difference:.2g} nats from the "
                f"one computed again, and {tolerance:g} is tolerated"
            )
            log.warning("%s", self._store_notes[-1])

    def _reference_key(self, model: Any) -> str:
        settings = {
            "mixed precision": self.accelerator.mixed_precision,
            "ld_alpha": self.ld_alpha,
            "reference adapter": "ref" in getattr(self.model, "peft_config", {}),
        }
        return reference_key(self.accelerator.unwrap_model(model), settings)
