"""TRL's trainer with rows that an earlier job has tokenised."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from datasets import Dataset

from dpojob_trainer.training.cache import COLUMNS, TokenizedRowStore, rows_key

from .prefix_sharing_trainer import PrefixSharingTrainer

log = logging.getLogger(__name__)
BATCH_ROWS = 1000
"""Rows that are in memory and written together."""


class TokenizedRowsTrainer(PrefixSharingTrainer):
    """Looks tokenised rows up before it tokenises."""

    def __init__(self, *, tokenized_rows: Path | None, **kwargs: Any) -> None:
        """Prepare as PrefixSharingTrainer does.

        Args:
            tokenized_rows: Directory of the store; None for none.
            kwargs: Of PrefixSharingTrainer.
        """
        self._row_store = None if tokenized_rows is None else TokenizedRowStore(tokenized_rows)
        super().__init__(**kwargs)

    def prepare_rows(
        self, rows: Dataset, tokenizer: Any, config: Any, tokenize: Callable[[], Dataset]
    ) -> Dataset:
        """The tokenised rows, from the store where it has them."""
        files = [Path(file["filename"]) for file in rows.cache_files]
        if self._row_store is None or len(files) != 1:
            return tokenize()
        # One process looks them up for all: TRL's processes wait for each other while they tokenise.
        found: list[tuple[str, Path | None]] = [("", None)]
        main = PartialState().is_main_process
        if main:
            settings = {name: getattr(config, name) for name in ("max_length", "truncation_mode")}
            key = rows_key(files[0], tokenizer, settings)
            copy = files[0].with_name(f"{key}.arrow")
            known = copy.is_file() or self._row_store.fetch(key, copy)
            found = [(key, copy if known else None)]
        broadcast_object_list(found)
        key, path = found[0]
        if path is not None:
            log.info("the rows were tokenised by an earlier job")
            return Dataset.from_file(str(path))
        tokenized = tokenize()
        if main:
            columns = tokenized.select_columns(list(COLUMNS)).with_format("arrow")
            self._row_store.save(key, columns.iter(BATCH_ROWS))
        return tokenized
