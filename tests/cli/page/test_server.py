"""The page's server, without a cluster."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from dpojob.page import Page
from dpojob.page.job_store import JobStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class BrokenFeed:
    """A feed with a defect."""

    scope: list[str] | None = None

    async def run(self) -> None:
        raise TypeError("a defect of the feed")

    @asynccontextmanager
    async def following(self, keys: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
        yield


def test_an_unexpected_error_of_the_feed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    page = Page(BrokenFeed(), JobStore(), port=80)
    with caplog.at_level(logging.ERROR), TestClient(page.application()) as client:
        client.get(page.address)
    assert "a defect of the feed" in caplog.text
