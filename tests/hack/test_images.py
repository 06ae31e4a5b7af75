"""The images of the demo are built beside the start of its cluster."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT

sys.path.insert(0, str(ROOT / "hack"))
import images


@pytest.fixture
def on_node(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The references that the node has; a test adds to it."""
    present: set[str] = set()
    monkeypatch.setattr(images, "CONTEXT", "")
    monkeypatch.setattr(images, "is_on_node", lambda reference: reference in present)
    return present


def test_images_are_built_while_the_body_runs(
    on_node: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body_runs = threading.Event()
    built: list[str] = []

    def build(image: images.Image) -> None:
        assert body_runs.wait(LIMIT)
        built.append(image.name)

    monkeypatch.setattr(images, "build", build)
    with images.built_meanwhile():
        body_runs.set()
    assert built == [image.name for image in images.IMAGES.values()]


def test_an_image_that_the_node_has_is_not_built(
    on_node: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(images, "build", lambda image: built.append(image.name))
    on_node |= {images.IMAGES["operator"].reference, images.IMAGES["trainer"].reference}
    with images.built_meanwhile():
        pass
    assert built == ["dpojob-inspect"]


def test_a_build_that_fails_ends_the_command(
    on_node: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(image: images.Image) -> None:
        raise SystemExit(f"{image.name} failed")

    monkeypatch.setattr(images, "build", build)
    with pytest.raises(SystemExit, match="dpojob-operator failed"), images.built_meanwhile():
        pass


def test_a_cluster_that_does_not_start_leaves_the_builds_that_have_not_begun(
    on_node: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, cancelled = threading.Event(), threading.Event()
    built: list[str] = []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            cancelled.set()
            super().shutdown(wait=wait)

    def build(image: images.Image) -> None:
        begun.set()
        assert cancelled.wait(LIMIT)
        built.append(image.name)

    monkeypatch.setattr(images, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(images, "build", build)
    with pytest.raises(SystemExit, match="does not start"), images.built_meanwhile():
        assert begun.wait(LIMIT)
        raise SystemExit("the cluster does not start")
    assert built == ["dpojob-operator"]
