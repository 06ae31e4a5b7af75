"""The loopback hub against the real clients: what it serves and keeps is what they saw and sent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import numpy
import pytest
from huggingface_hub import HfApi, HfFileSystem, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors.numpy import save_file
from tests.kit.hub.server import Hub
from tests.kit.waiting import LIMIT, wait_until


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    (directory / "sub").mkdir(parents=True)
    (directory / "config.json").write_text('{"model_type": "qwen2"}')
    (directory / "sub" / "notes.txt").write_text("notes")
    save_file({"w": numpy.zeros((3, 5), numpy.float32)}, str(directory / "model.safetensors"))
    return directory


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    directory = tmp_path / "dataset"
    (directory / "data").mkdir(parents=True)
    rows = [{"prompt": "p", "chosen": "c", "rejected": str(row)} for row in range(50)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "data" / "train.jsonl").write_text(lines)
    return directory


def api(hub: Hub, token: str | bool = False) -> HfApi:
    return HfApi(endpoint=hub.url, token=token)


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def test_a_snapshot_is_the_directory_that_was_added(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.add_model("org/m", model)
    path = snapshot_download("org/m", endpoint=hub.url, cache_dir=tmp_path / "cache", token=False)
    assert contents(Path(path)) == contents(model) == hub.files("org/m")


def test_weights_facts_are_read_by_ranges_alone(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    facts = api(hub).get_safetensors_metadata("org/m")
    assert facts.parameter_count == {"F32": 15}
    reads = [r for r in hub.requests if r.method == "GET" and r.path.startswith("/cdn/")]
    assert reads and all(r.status == 206 for r in reads)


def test_the_file_system_lists_and_reads(hub: Hub, dataset: Path) -> None:
    hub.add_dataset("org/d", dataset)
    fs = HfFileSystem(endpoint=hub.url, token=False, skip_instance_cache=True)
    assert fs.glob("datasets/org/d/**/*.jsonl") == ["datasets/org/d/data/train.jsonl"]
    with fs.open("datasets/org/d/data/train.jsonl", "rb") as file:
        assert file.read() == (dataset / "data" / "train.jsonl").read_bytes()


def test_datasets_streams_and_loads(hub: Hub, dataset: Path, tmp_path: Path) -> None:
    hub.add_dataset("org/d", dataset)
    code = (
        "import datasets; d = datasets.load_dataset('org/d', split='train'); print(len(d));"
        "s = datasets.load_dataset('org/d', split='train', streaming=True); print(next(iter(s)))"
    )
    env = hub.env() | {"HF_HOME": str(tmp_path / "home"), "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    expected = "50\n{'prompt': 'p', 'chosen': 'c', 'rejected': '0'}\n"
    assert result.stdout == expected, result.stderr


def test_branches_move_and_commits_stay(hub: Hub, model: Path) -> None:
    first = hub.add_model("org/m", model)
    (model / "config.json").write_text("{}")
    second = hub.commit("org/m", model)
    assert first != second
    assert api(hub).model_info("org/m").sha == second
    assert api(hub).model_info("org/m", revision=first[:8]).sha == first
    assert hub.files("org/m", first)["config.json"] == b'{"model_type": "qwen2"}'
    with pytest.raises(RevisionNotFoundError):
        api(hub).model_info("org/m", revision="no-such-branch")


@pytest.mark.parametrize("token", [False, "other"])
def test_a_private_repository_is_not_found_without_its_token(
    hub: Hub, model: Path, token: str | bool
) -> None:
    hub.add_model("org/m", model, private=True)
    with pytest.raises(RepositoryNotFoundError):
        api(hub, hub.other_token if token else False).model_info("org/m")
    assert api(hub, hub.token).model_info("org/m").private is True


@pytest.mark.parametrize("token", [False, "other"])
def test_a_gated_repository_shows_itself_and_not_its_files(
    hub: Hub, dataset: Path, token: str | bool
) -> None:
    hub.add_dataset("org/d", dataset, gated=True)
    caller = api(hub, hub.other_token if token else False)
    assert caller.dataset_info("org/d").gated == "auto"
    with pytest.raises(GatedRepoError):
        caller.auth_check("org/d", repo_type="dataset")
    with pytest.raises(GatedRepoError):
        caller.get_hf_file_metadata(url=f"{hub.url}/datasets/org/d/resolve/main/data/train.jsonl")
    api(hub, hub.token).auth_check("org/d", repo_type="dataset")


def test_missing_objects_are_distinguished(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    with pytest.raises(RepositoryNotFoundError):
        api(hub).model_info("org/other")
    with pytest.raises(RemoteEntryNotFoundError):
        api(hub).get_hf_file_metadata(url=f"{hub.url}/org/m/resolve/main/none.json")
    with pytest.raises(RemoteEntryNotFoundError):
        list(api(hub).list_repo_tree("org/m", path_in_repo="none"))


@pytest.mark.parametrize("lfs", [False, True])
def test_an_upload_arrives_byte_for_byte(model: Path, tmp_path: Path, lfs: bool) -> None:
    with Hub(lfs=lfs) as hub:
        code = (
            "import sys, huggingface_hub as h; h.create_repo(sys.argv[1], exist_ok=True);"
            "h.create_repo(sys.argv[1], exist_ok=True);"
            "print(h.upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2]).oid);"
            "print(h.whoami()['name'])"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, "org/up", str(model)],
            env=hub.env(hub.token) | {"HF_HOME": str(tmp_path / "home"), "PATH": ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert result.stdout.split() == [hub.repository("org/up").branches["main"], "owner"]
        uploaded = hub.files("org/up")
        uploaded.pop(".gitattributes", None)
        assert uploaded == contents(model)
        assert any(r.path.startswith("/lfs/upload/") for r in hub.requests) == lfs


def test_uploads_need_the_owners_token(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    with pytest.raises(HfHubHTTPError, match="403"):
        api(hub, hub.other_token).create_repo("org/new")


def test_faults_pass_when_their_count_is_spent(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    hub.fault("GET /api/models/org/m", status=500, times=2)
    url = f"{hub.url}/api/models/org/m"
    assert [httpx.get(url, timeout=LIMIT).status_code for _ in range(3)] == [500, 500, 200]


def test_a_hanging_hub_answers_nothing_until_released(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    fault = hub.fault("config.json", hang=True)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{hub.url}/org/m/resolve/main/config.json", timeout=0.2)
    wait_until(lambda: fault.hits == 1, "the hub has read the request")
    hub.clear_faults()
    assert httpx.get(f"{hub.url}/org/m/resolve/main/config.json", timeout=LIMIT).status_code == 200


def test_a_cut_body_is_an_error_of_the_connection(hub: Hub, model: Path) -> None:
    hub.add_model("org/m", model)
    hub.fault("config.json", cut_after=4)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{hub.url}/org/m/resolve/main/config.json", timeout=LIMIT)


def test_plain_files_and_endless_redirects(hub: Hub) -> None:
    address = hub.add_file("rows.jsonl", b"0123456789")
    assert httpx.get(address, headers={"Range": "bytes=-3"}, timeout=LIMIT).content == b"789"
    assert httpx.get(address, headers={"Range": "bytes=99-"}, timeout=LIMIT).status_code == 416
    hub.add_redirect("loop", f"{hub.url}/files/loop")
    with pytest.raises(httpx.TooManyRedirects):
        httpx.get(f"{hub.url}/files/loop", follow_redirects=True, timeout=LIMIT)
