"""What a cluster leaves is seen, and what other tests do at the same time is not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kit.cluster.host_state import differences, picture


@pytest.fixture
def mount() -> Iterator[Callable[[Path], None]]:
    mounted: list[Path] = []

    def tmpfs(place: Path) -> None:
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a file system")
        mounted.append(place)

    yield tmpfs
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_mount_of_another_test_is_no_difference(
    tmp_path: Path, mount: Callable[[Path], None]
) -> None:
    marker = str(tmp_path / "state")

    def mounts() -> dict[str, set[str]]:
        """Those of this test: nodes that run beside have theirs, which come and go."""
        points = picture(marker)["mounts"]
        return {"mounts": {point for point in points if point.startswith(str(tmp_path))}}

    before = mounts()
    mount(tmp_path / "other")
    assert mounts() == before
    mount(tmp_path / "state")
    assert differences(before, mounts()) == {"mounts": {marker}}
