from pathlib import Path
from typing import Any

from devcluster.control_plane.storage import CLASS, PROVISIONER, serve_once


class FakeApi:
    """Claims and volumes in memory; what the provisioner sends is kept."""

    def __init__(self, claims: list[dict[str, Any]], volumes: list[dict[str, Any]]) -> None:
        self.lists = {"persistentvolumeclaims": claims, "persistentvolumes": volumes}
        self.calls: list[tuple[str, str, Any]] = []

    def items(self, path: str) -> list[dict[str, Any]]:
        return self.lists[path.split("?")[0].rpartition("/")[2]]

    def call(self, method: str, path: str, body: object = None) -> None:
        self.calls.append((method, path, body))


def claim(**spec: Any) -> dict[str, Any]:
    resources = {"requests": {"storage": "1Gi"}}
    base = {"storageClassName": CLASS, "accessModes": ["ReadWriteOnce"], "resources": resources}
    return {
        "metadata": {"namespace": "ns", "name": "data", "uid": "12345678-abcd"},
        "spec": base | spec,
    }


def test_a_waiting_claim_gets_a_volume_that_every_user_may_write(tmp_path: Path) -> None:
    api = FakeApi([claim()], [])
    serve_once(api, tmp_path)  # type: ignore[arg-type]
    ((method, _, volume),) = api.calls
    directory = Path(volume["spec"]["hostPath"]["path"])
    assert method == "POST"
    assert volume["spec"]["claimRef"]["uid"] == "12345678-abcd"
    assert directory.parent == tmp_path
    assert directory.stat().st_mode & 0o777 == 0o777


def test_others_are_left_alone(tmp_path: Path) -> None:
    others = [claim(volumeName="pv"), claim(storageClassName="fast"), claim(volumeMode="Block")]
    api = FakeApi(others, [])
    serve_once(api, tmp_path)  # type: ignore[arg-type]
    assert api.calls == []


def released(path: Path, provisioner: str = PROVISIONER) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "pv",
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner},
        },
        "spec": {"hostPath": {"path": str(path)}},
        "status": {"phase": "Released"},
    }


def test_a_released_volume_goes_with_its_files(tmp_path: Path) -> None:
    directory = tmp_path / "ns_data_1"
    directory.mkdir()
    (directory / "model").write_text("x")
    api = FakeApi([], [released(directory)])
    serve_once(api, tmp_path)  # type: ignore[arg-type]
    assert [call[0] for call in api.calls] == ["DELETE"]
    assert not directory.exists()


def test_files_outside_the_volumes_are_never_deleted(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    volumes = tmp_path / "volumes"
    serve_once(FakeApi([], [released(precious)]), volumes)  # type: ignore[arg-type]
    serve_once(FakeApi([], [released(precious, "other")]), tmp_path)  # type: ignore[arg-type]
    assert precious.is_dir()
