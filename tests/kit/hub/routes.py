"""The hub's routes: what each request of the real clients is answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .responses import ErrorResponse, HubConversation
from .store import LARGE, Kind, Repository, StoredFile, digests, folder_entry

VERBS = {"revision", "tree", "auth-check", "preupload", "commit", "paths-info", "refs", "resolve"}
"""What may follow a repository's id, by which ids of one and of two parts are distinguished."""


class HubHandler(HubConversation):
    """One request, routed."""

    def _route(self) -> Any:
        parts = [unquote(part) for part in self.target.path.strip("/").split("/")]
        match parts:
            case ["api", "whoami-v2"]:
                if self.token is None:
                    raise ErrorResponse(401, "Invalid username or password.")
                name = "owner" if self.may_read_all else "other"
                return self._json({"type": "user", "name": name, "fullname": name, "orgs": []})
            case ["api", "validate-yaml"]:
                return self._json({"errors": [], "warnings": []})
            case ["api", "repos", "create"]:
                return self._create()
            case ["api", ("models" | "datasets") as plural, *rest]:
                return self._api("model" if plural == "models" else "dataset", *self._split(rest))
            case ["cdn", sha256] if sha256 in self.hub.large_files:
                commit = self.query.get("commit", [""])[0]
                headers = {"ETag": f'"{sha256}"', "X-Repo-Commit": commit}
                return self._bytes(self.hub.large_files[sha256], headers)
            case ["files", name] if name in self.hub.static:
                return self._static(self.hub.static[name])
            case ["lfs", "upload", sha256]:
                return self._lfs_put(sha256)
            case ["lfs", "verify"]:
                return self._json({})
            case [*_, "info", "lfs", "objects", "batch"]:
                return self._lfs_batch()
            case _:
                kind: Kind = "dataset" if parts[0] == "datasets" else "model"
                repo, rest = self._split(parts[1:] if kind == "dataset" else parts)
                if len(rest) >= 3 and rest[0] == "resolve":
                    return self._resolve(kind, repo, rest[1], "/".join(rest[2:]))
                raise ErrorResponse(404, f"no such route: {self.command} {self.target.path}")

    @staticmethod
    def _split(parts: list[str]) -> tuple[str, list[str]]:
        one = len(parts) == 1 or parts[1] in VERBS
        return (parts[0], parts[1:]) if one else ("/".join(parts[:2]), parts[2:])

    @property
    def may_read_all(self) -> bool:
        """Whether the caller owns everything."""
        return self.token == self.hub.token

    def _repository(self, kind: Kind, repo: str) -> Repository:
        repository = self.hub.repositories.get((kind, repo))
        if repository is None or (repository.private and not self.may_read_all):
            status = 401 if self.token is None else 404
            raise ErrorResponse(status, "Repository not found", "RepoNotFound")
        return repository

    def _enter(self, repository: Repository) -> None:
        if repository.gated and not self.may_read_all:
            status = 401 if self.token is None else 403
            name = repository.id
            raise ErrorResponse(
                status, f"Access to {repository.kind} {name} is restricted.", "GatedRepo"
            )

    def _at(self, repository: Repository, revision: str) -> tuple[str, dict[str, StoredFile]]:
        sha = repository.resolve(revision)
        if sha is None:
            raise ErrorResponse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return sha, repository.commits[sha]

    def _api(self, kind: Kind, repo: str, rest: list[str]) -> Any:
        repository = self._repository(kind, repo)
        match rest:
            case [] | ["revision", _]:
                return self._json(self._info(repository, rest[1] if rest else "main"))
            case ["auth-check"]:
                self._enter(repository)
                return self._json({})
            case ["refs"]:
                branches = [
                    {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha}
                    for name, sha in repository.branches.items()
                ]
                return self._json({"branches": branches, "tags": [], "converts": []})
            case ["tree", revision, *folder]:
                _, files = self._at(repository, revision)
                recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
                entries = repository.tree(files, "/".join(folder), recursive)
                if folder and not entries:
                    raise ErrorResponse(404, "does not exist", "EntryNotFound")
                return self._json(entries)
            case ["paths-info", revision]:
                sha, files = self._at(repository, revision)
                return self._json(list(self._paths(files, sha)))
            case ["preupload", _]:
                self._write()
                return self._json({"files": [self._mode(file) for file in self._body()["files"]]})
            case ["commit", branch]:
                return self._commit(repository, branch)
            case _:
                raise ErrorResponse(404, f"no such route: {self.command} {self.target.path}")

    def _info(self, repository: Repository, revision: str) -> dict[str, Any]:
        empty = not repository.commits and revision == "main"
        sha, files = (None, {}) if empty else self._at(repository, revision)
        hidden = repository.gated and not self.may_read_all
        return {
            "_id": repository.id, "id": repository.id, "sha": sha, "private": repository.private,
            "gated": "auto" if repository.gated else False, "disabled": False, "downloads": 0,
            "likes": 0, "tags": [], "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [] if hidden else [{"rfilename": path} for path in files],
        }  # fmt: skip

    def _paths(self, files: dict[str, StoredFile], sha: str) -> Iterator[dict[str, Any]]:
        asked = self._body()
        for path in [asked["paths"]] if isinstance(asked["paths"], str) else asked["paths"]:
            if path in files:
                entry = files[path].entry()
            elif any(other.startswith(f"{path}/") for other in files):
                entry = folder_entry(path)
            else:
                continue
            if str(asked.get("expand", "false")).lower() == "true":
                date = "2026-01-01T00:00:00.000Z"
                entry["lastCommit"] = {"id": sha, "title": "commit", "date": date}
            yield entry

    # Downloads.

    def _resolve(self, kind: Kind, repo: str, revision: str, path: str) -> Any:
        repository = self._repository(kind, repo)
        self._enter(repository)
        sha, files = self._at(repository, revision)
        self.commit_header = sha
        if path not in files:
            raise ErrorResponse(404, "Entry not found", "EntryNotFound")
        file = files[path]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{file.etag}"'}
        if not file.large:
            return self._bytes(file.location, headers)
        # As the hub does, large files come from another host, which needs no token. A hub that listens
        # elsewhere than on the loopback address has no second name, and clients follow it themselves.
        self.hub.large_files[file.sha256] = file.location
        cdn = self._origin.replace("//127.0.0.1:", "//localhost:")
        headers |= {
            "Location": f"{cdn}/cdn/{file.sha256}?commit={sha}",
            "X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size),
        }  # fmt: skip
        return lambda: self._send(302, headers, b"")

    # Uploads.

    def _write(self) -> None:
        if not self.may_read_all:
            raise ErrorResponse(
                401 if self.token is None else 403, "You have no right to write here"
            )

    def _create(self) -> Any:
        self._write()
        asked = self._body()
        repo = f"{asked.get('organization') or 'owner'}/{asked['name']}"
        kind: Kind = "dataset" if asked.get("type") == "dataset" else "model"
        address = {"url": f"{self._origin}/{'datasets/' if kind == 'dataset' else ''}{repo}"}
        if (kind, repo) in self.hub.repositories:
            return lambda: self._send_json(
                409, address | {"error": "You already created this repo"}
            )
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.add(kind, repo, private=private)
        return self._json(address)

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        large = self.hub.lfs and Path(file["path"]).suffix in LARGE
        mode = "lfs" if large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}

    def _lfs_batch(self) -> Any:
        self._write()
        objects = []
        for asked in self._body()["objects"]:
            sha256, size = asked["oid"], asked["size"]
            answer: dict[str, Any] = {"oid": sha256, "size": size}
            if sha256 not in self.hub.large_files:
                upload, verify = f"{self._origin}/lfs/upload/{sha256}", f"{self._origin}/lfs/verify"
                answer["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
            objects.append(answer)
        return self._json({"transfer": "basic", "objects": objects})

    def _lfs_put(self, sha256: str) -> Any:
        target = self.hub.root / "lfs" / sha256
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.body)
        if digests(target)[1] != sha256:
            target.unlink()
            raise ErrorResponse(400, "the content does not have the promised sha256")
        self.hub.large_files[sha256] = target
        return self._json({})

    def _commit(self, repository: Repository, branch: str) -> Any:
        self._write()
        changes: dict[str, Path | bytes] = {}
        deleted: list[str] = []
        for line in self.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            match operation["key"]:
                case "header":
                    parent = value.get("parentCommit")
                    if parent and parent != repository.branches.get(branch):
                        raise ErrorResponse(
                            412, "A commit has happened since. Please refresh and try again."
                        )
                case "file":
                    changes[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.hub.large_files:
                        raise ErrorResponse(400, f"large file {value['oid']} was never uploaded")
                    changes[value["path"]] = self.hub.large_files[value["oid"]]
                case "deletedFile":
                    deleted.append(value["path"])
                case "deletedFolder":
                    deleted.append(value["path"].rstrip("/") + "/")
                case other:
                    raise ErrorResponse(400, f"unknown operation {other!r}")
        sha = repository.commit(changes, branch, deleted=tuple(deleted))
        prefix = "datasets/" if repository.kind == "dataset" else ""
        url = f"{self._origin}/{prefix}{repository.id}/commit/{sha}"
        return self._json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})
