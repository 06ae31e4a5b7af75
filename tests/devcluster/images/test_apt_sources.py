import subprocess
from pathlib import Path

import pytest

from devcluster.images import apt_sources


def test_debian_mirrors_and_proxies_reach_apt_by_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = "deb http://mirror.test/debian bookworm main\n" * 2
    options = (
        'Acquire::Check-Date "false";\nAcquire::http::Proxy "http://proxy.test";\nAPT::X "1";\n'
    )

    def answer(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        text = sources if command[0] == "apt-get" else options
        return subprocess.CompletedProcess(command, 0, stdout=text)

    monkeypatch.setattr(subprocess, "run", answer)
    mounts = apt_sources.write(tmp_path)
    (listed,) = mounts["/etc/apt/sources.list.d"].iterdir()
    assert listed.read_text() == "deb http://mirror.test/debian bookworm main\n"
    (configured,) = mounts["/etc/apt/apt.conf.d"].iterdir()
    assert configured.read_text().splitlines() == [
        'Acquire::Check-Date "false";',
        'Acquire::http::Proxy "http://proxy.test";',
    ]
