"""What a node's containerd holds, read while it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from devcluster.node.containerd import Containerd

CTR = """#!/bin/sh
cat <<END
DIGEST SIZE AGE LABELS
sha256:aa 3B 1 minute -
sha256:bb 9B 1 minute -
END
"""


def test_a_blob_that_is_collected_while_blobs_are_listed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ctr").write_text(CTR)
    (programs / "ctr").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    blobs = tmp_path / "images/io.containerd.content.v1.content/blobs/sha256"
    blobs.mkdir(parents=True)
    (blobs / "aa").write_bytes(b"abc")
    node = Containerd("containerd-0", tmp_path, tmp_path, tmp_path / "images")
    assert node.blobs() == {"sha256:aa": 3}
