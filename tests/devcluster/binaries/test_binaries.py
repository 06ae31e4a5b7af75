import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devcluster.binaries import Recipe, installer
from devcluster.binaries.build_recipes import RECIPES, Download
from devcluster.binaries.go_build import _go_mod
from devcluster.binaries.release_download import download
from devcluster.host.errors import DevclusterError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    root = tmp_path / "site"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield root, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def recipe(source: Download | None) -> Recipe:
    return Recipe("tool", "v1.2.3", source, "example.test/tool", "example.test/tool")


def test_a_download_with_the_right_checksum_is_taken(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    root, url = site
    (root / "tool").write_bytes(b"the tool")
    (root / "tool.sha256").write_text(hashlib.sha256(b"the tool").hexdigest())
    source = Download(f"{url}/tool", f"{url}/tool.sha256")
    assert download(recipe(source), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"the tool"


def test_a_member_of_an_archive_with_a_list_of_checksums(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    root, url = site
    with tarfile.open(root / "tool.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("linux/tool")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    digest = hashlib.sha256((root / "tool.tar.gz").read_bytes()).hexdigest()
    (root / "SUMS").write_text(f"{'0' * 64}  other.tar.gz\n{digest}  tool.tar.gz\n")
    source = Download(f"{url}/tool.tar.gz", f"{url}/SUMS", "linux/tool")
    assert download(recipe(source), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"abc"


def test_a_wrong_checksum_is_an_error_and_not_a_reason_to_go_on(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    root, url = site
    (root / "tool").write_bytes(b"tampered")
    (root / "tool.sha256").write_text("0" * 64)
    with pytest.raises(DevclusterError, match="its publisher says"):
        download(recipe(Download(f"{url}/tool", f"{url}/tool.sha256")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unreachable_host_means_build(tmp_path: Path) -> None:
    source = Download("http://127.0.0.1:9/tool", "http://127.0.0.1:9/tool.sha256")
    assert download(recipe(source), tmp_path / "out") is False


@pytest.mark.parametrize(
    ("output", "accepted"),
    [
        ("Kubernetes v1.35.4", True),
        ("Client Version: v1.35.4\nKustomize Version: v5.5.0", True),
        ("Client Version: v1.32.4", False),
        ("Client Version: v1.35.4-dispatcher", False),
        ("v1.35.41", False),
        ("v11.35.4", False),
    ],
)
def test_path_counts_only_with_the_very_version(
    output: str, accepted: bool, tmp_path: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "kubectl"
    script.write_text(f"#!/bin/sh\nprintf '%s' '{output}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (installer._on_path(RECIPES["kubectl"]) == script) is accepted


def test_the_cache_wins_and_is_keyed_by_version(cache_home: Path) -> None:
    kept = cache_home / "dpojob/bin" / f"helm-{RECIPES['helm'].version}"
    kept.parent.mkdir(parents=True)
    kept.write_text("")
    assert installer.ensure("helm") == kept


def test_a_failed_build_leaves_nothing_behind(
    cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Recipe, target: Path) -> None:
        target.write_text("half")
        raise DevclusterError("no")

    monkeypatch.setattr(installer, "_on_path", lambda _: None)
    monkeypatch.setattr(installer, "download", lambda *_: False)
    monkeypatch.setattr(installer, "build", fail)
    with pytest.raises(DevclusterError):
        installer.ensure("helm")
    assert [p.name for p in (cache_home / "dpojob/bin").iterdir() if "lock" not in p.name] == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DevclusterError, match="kube-apiserver"):
        installer.ensure("docker")


def test_kubernetes_libraries_are_replaced_by_their_published_versions() -> None:
    upstream = "module k8s.io/kubernetes\n\ngo 1.25.0\n\nreplace (\n" + (
        "\tk8s.io/api => ./staging/src/k8s.io/api\n)\n"
    )
    text = _go_mod(RECIPES["kubelet"], upstream)
    assert "require k8s.io/kubernetes v1.35.4" in text
    assert "replace k8s.io/api => k8s.io/api v0.35.4" in text


def test_a_build_requires_further_modules_of_its_recipe() -> None:
    both = Recipe(
        "tool", "v1.2.3", None, "a.test/tool", "a.test/tool", requires=("b.test/x v4.5.6",)
    )
    assert "require a.test/tool v1.2.3\nrequire b.test/x v4.5.6\n" in _go_mod(both, "go 1.26.0\n")
