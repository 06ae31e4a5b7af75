"""`make down` keeps the images of the current sources, and what the next build starts from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devcluster.host import debian_packages, processes
from devcluster.host.errors import DevclusterError
from devcluster.images import base_image, buildah
from devcluster.images.outdated import (
    StoredImage,
    kept_names,
    outdated_images,
    outdated_references,
    remove_from_builder,
)

OLD, NEW = "localhost/dpojob-trainer:old", "localhost/dpojob-trainer:new"
BASE = "localhost/dpojob-base:bookworm"
OTHER = "localhost/other:1"


def test_the_current_image_is_kept_or_else_the_newest() -> None:
    assert kept_names([NEW, OLD, BASE], [NEW]) == {NEW}
    # Sources were edited after the last build: its layers make the next one quick.
    assert kept_names([OLD, NEW, BASE], ["localhost/dpojob-trainer:edited"]) == {NEW}
    assert kept_names([BASE], [NEW]) == set()


def test_a_node_forgets_an_old_image_under_each_of_its_references() -> None:
    digests = {OLD: "sha256:1", "sha256:a": "sha256:1", NEW: "sha256:2", "sha256:b": "sha256:2"}
    digests |= {BASE: "sha256:3", OTHER: "sha256:4", "sha256:c": "sha256:3"}
    assert outdated_references(digests, {NEW}) == [OLD, "sha256:a"]
    assert outdated_references(digests, set()) == []
    # A new tag of the same content.
    digests[NEW] = "sha256:1"
    assert outdated_references(digests, {NEW}) == [OLD]


def test_the_builder_keeps_the_stages_of_what_is_kept() -> None:
    stored = [
        StoredImage("base", (BASE,), 1),
        StoredImage("old-stage", (), 10),
        StoredImage("old", (OLD,), 11),
        StoredImage("new-stage", (), 20),
        StoredImage("new", (NEW,), 21),
        StoredImage("another", (OTHER,), 22),
        StoredImage("built-now", (), 30),
    ]
    assert outdated_images(stored, [NEW]) == [OLD, "old-stage"]
    assert outdated_images(stored, [OLD]) == [NEW]
    assert outdated_images(stored, ["localhost/never-built:1"]) == []


def test_what_cannot_be_removed_is_reported_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: str, *_: str) -> str:
        if command == "rmi":
            raise DevclusterError("image is in use by a container")
        if command == "containers":
            return "null\n"
        return json.dumps([{"id": name, "names": [name], "created": 1} for name in (OLD, NEW)])

    monkeypatch.setattr(buildah, "run", run)
    monkeypatch.setattr("devcluster.images.outdated.shutil.which", lambda program: program)
    remove_from_builder([NEW])
    message = capsys.readouterr().err
    assert "1 images of older sources stay in buildah's store" in message
    assert "because a build uses one" in message and "in use by a container" in message


@pytest.fixture
def builder_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of the builder for this test alone."""
    debian_packages.ensure(debian_packages.IMAGES)
    (tmp_path / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n'
    )
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(tmp_path / "storage.conf"))


def build(context: Path, name: str, *, labelled: bool = True) -> None:
    """An image of two stages, on a file of its own."""
    label = f"LABEL {base_image.LABEL}=test" if labelled else ""
    (context / "file").write_text(name)
    (context / "Dockerfile").write_text(
        f"FROM scratch AS stage\nCOPY file /a\n{label}\nFROM scratch\nCOPY --from=stage /a /b\n{label}\n"
    )
    command = ("bud", "--isolation", "chroot", "--layers", "--tag", name, str(context))
    buildah.run(*command)


def stored_names() -> list[str]:
    """The names of every image that no other one is based on; empty for one without a name."""
    rows = json.loads(buildah.run("images", "--json"))
    return sorted(name for row in rows for name in row["names"] or [""])


@pytest.mark.e2e
def test_the_builder_s_store_shrinks_to_the_newest_build(
    tmp_path: Path, builder_store: None
) -> None:
    build(tmp_path, OTHER, labelled=False)
    build(tmp_path, OLD)
    build(tmp_path, NEW)
    assert stored_names() == ["", "", "", NEW, OLD, OTHER]
    remove_from_builder([NEW])
    # Those of other projects stay, with their cache.
    assert stored_names() == ["", "", NEW, OTHER]
    # The next build finds the layers of what was kept.
    before = json.loads(buildah.run("images", "--all", "--json"))
    build(tmp_path, NEW)
    assert len(json.loads(buildah.run("images", "--all", "--json"))) == len(before)


def containers() -> list[str]:
    """The images of the containers in the builder's store."""
    return sorted(row["imagename"] for row in json.loads(buildah.run("containers", "--json")) or ())


@pytest.mark.e2e
def test_the_container_of_a_killed_build_is_removed(
    tmp_path: Path, builder_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, OTHER, labelled=False)
    build(tmp_path, OLD)
    build(tmp_path, NEW)
    for name in (OLD, OTHER):
        buildah.run("from", name)
    is_building = True
    monkeypatch.setattr(processes, "is_program_running", lambda name: is_building)
    remove_from_builder([NEW])
    assert containers() == [OLD, OTHER]
    is_building = False
    remove_from_builder([NEW])
    assert containers() == [OTHER]
    assert stored_names() == ["", "", NEW, OTHER]
