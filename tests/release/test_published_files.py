"""What `hack/release build` writes for a tag, and what its chart refers to."""

from __future__ import annotations

import json
import re

import pytest
from release_tools.local_release import VERSION, LocalRelease
from tests.kit.repository import ROOT

pytestmark = pytest.mark.cluster


def test_every_file_has_a_checksum(release: LocalRelease) -> None:
    written = {
        path.relative_to(release.directory).as_posix()
        for path in release.directory.rglob("*")
        if path.is_file()
    }
    published = {name for name in written if not name.startswith("simple/")} - {"SHA256SUMS"}
    sums = (release.directory / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in sums] == sorted(published)
    wheels = [name for name in published if name.endswith(".whl")]
    assert len(wheels) == 5 and all(f"-{VERSION}-py3-none-any.whl" in name for name in wheels)
    assert {f"dpojob-{VERSION}.tgz", "dpo.yaml", "kubectl-dpo.tar.gz", "notes.md"} <= published


@pytest.mark.parametrize("image", ["operator", "inspect", "trainer"])
def test_a_bill_of_materials_lists_what_the_lock_of_its_image_pins(
    release: LocalRelease, image: str
) -> None:
    bill = json.loads((release.directory / f"sbom/{image}.cdx.json").read_text())
    lock = (ROOT / f"locks/{image}.txt").read_text()
    listed = [(part["name"], part["version"]) for part in bill["components"]]
    assert sorted(listed) == sorted(re.findall(r"^([a-z][\w.-]*)==(\S+)", lock, re.MULTILINE))
    assert bill["metadata"]["component"]["version"] == VERSION


def test_the_notes_are_the_section_of_the_changelog(release: LocalRelease) -> None:
    notes = (release.directory / "notes.md").read_text().splitlines()
    assert notes and set(notes) <= set((ROOT / "CHANGELOG.md").read_text().splitlines())
