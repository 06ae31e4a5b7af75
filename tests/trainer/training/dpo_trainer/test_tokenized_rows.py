"""A later job on the same rows and tokenizer finds the tokens of an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob, losses, metrics
from trl import DPOTrainer

from dpojob_api import constants
from dpojob_trainer.training import run

pytestmark = pytest.mark.train


def test_a_later_job_tokenises_nothing_unless_the_store_is_damaged(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tokenised: list[str] = []
    original = DPOTrainer._prepare_dataset

    def count(self: Any, dataset: Any, tokenizer: Any, config: Any, name: str) -> Any:
        tokenised.append(name)
        return original(self, dataset, tokenizer, config, name)

    monkeypatch.setattr(DPOTrainer, "_prepare_dataset", count)

    def trained(name: str, **training: Any) -> dict[int, float]:
        cache = {"volume": {"claimName": "outputs", "path": "cache"}}
        spec = {"training": {"epochs": 0.2, **training}, "cache": cache}
        job = make_job(spec=spec, output=name, uid=name)
        outcome = run(job)
        assert outcome.outcome == "Succeeded", outcome.message
        return losses(metrics(job))

    expected = trained("first")
    assert sorted(tokenised) == ["eval", "train"]
    stored = sorted((tmp_path / "outputs" / "cache" / constants.TOKENIZED_ROWS_DIRECTORY).iterdir())
    assert len(stored) == 2
    tokenised.clear()
    assert trained("second") == expected
    assert tokenised == []
    for path in stored:
        path.write_bytes(path.read_bytes()[:-1])
    assert trained("third") == expected
    assert sorted(tokenised) == ["eval", "train"]
