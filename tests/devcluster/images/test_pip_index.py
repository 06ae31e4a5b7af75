from pathlib import Path

import pytest

from devcluster.images import pip_index


def test_an_index_with_a_password_reaches_pip_and_uv_by_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://user:secret@index.example.test/simple"
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    mounts = pip_index.write(tmp_path)
    assert f"index-url = {url}" in (mounts["/etc/xdg/pip"] / "pip.conf").read_text()
    assert f'index-url = "{url}"' in (mounts["/etc/uv"] / "uv.toml").read_text()


def test_without_an_index_only_the_certificates_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pip_index, "_pip_settings", dict)
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    mounts = pip_index.write(tmp_path)
    text = (mounts["/etc/xdg/pip"] / "pip.conf").read_text()
    assert text == "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n"
    assert (mounts["/etc/uv"] / "uv.toml").read_text() == "\n"
