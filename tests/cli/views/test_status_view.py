"""What `dpojob status` shows of a job's inspection."""

from __future__ import annotations

from rich.console import Console

from dpojob.views.status_view import status_view
from dpojob_api.job import DPOJob


def shown(**dataset: object) -> str:
    job = DPOJob.model_validate(
        {
            "metadata": {"name": "helpful", "namespace": "default"},
            "spec": {
                "model": {"repo": "org/model"},
                "dataset": {"repo": "org/pairs"},
                "output": {"volume": {"claimName": "models", "path": "mine"}},
            },
            "status": {"dataset": {"valid": True, "rows": 1200, "trainRows": 1100, **dataset}},
        }
    )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(job))
    return capture.get()


def test_suspects_are_counted_and_the_page_is_named() -> None:
    suspects = [{"kind": "SwappedPair", "rows": 1234}, {"kind": "Secret", "rows": 1}]
    text = shown(suspects=suspects, page="mine/inspection.html")
    assert "1,234 SwappedPair, 1 Secret" in text
    assert "models:mine/inspection.html" in text


def test_nothing_is_shown_where_there_are_none() -> None:
    text = shown()
    assert "valid, 1,200 rows" in text
    assert "suspects" not in text and "inspection.html" not in text
