"""The hub's routes: what each request of the real clients is answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from .hub_store import LARGE, Kind, Repository, StoredFile, digests, folder_entry

if TYPE_CHECKING:
    from .hub import Fault, Hub

VERBS = {"revision", "tree", "auth-check", "preupload", "commit", "paths-info", "refs", "resolve"}
"""What may follow a repository's id, by which ids of one and of two parts are told apart."""


def read(content: Path | bytes, start: int, end: int) -> bytes:
    """Bytes from `start` up to `end`, without reading the rest."""
    if isinstance(content, bytes):
        return content[start:end]
    with content.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


class Answer(Exception):
    """Ends the handling of a request with an error status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class HubHandler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    status = 0

    @property
    def hub(self) -> Hub:
        """The hub it serves."""
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing; `hub.requests` is the log."""

    def do_GET(self) -> None:
        """Reads."""
        self._serve()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def _serve(self) -> None:
        from .hub import STRANGER, TOKEN, Request

        self.target = urlsplit(self.path)
        self.query = parse_qs(self.target.query)
        self.body = self._read_body()
        scheme, _, credential = self.headers.get("Authorization", "").partition(" ")
        self.token = credential if scheme == "Bearer" else None
        self.fault = self.hub.take_fault(f"{self.command} {self.path}")
        try:
            if self.fault is not None and self._break(self.fault):
                return
            if self.token not in (None, TOKEN, STRANGER):
                raise Answer(401, "Invalid credentials in Authorization header")
            with self.hub.lock:
                reply = self._route()
            reply()
        except Answer as answer:
            self._error(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            path, query = self.target.path, self.target.query
            self.hub.requests.append(
                Request(
                    self.command, path, query, self.token, self.headers.get("Range"), self.status
                )
            )

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _break(self, fault: Fault) -> bool:
        if fault.hang:
            fault.released.wait()
            self.close_connection = True
            return True
        if fault.status is not None:
            code = "EntryNotFound" if fault.status == 404 else None
            raise Answer(fault.status, "asked for by the test", code)
        return False

    # Routing.

    def _route(self) -> Any:
        parts = [unquote(part) for part in self.target.path.strip("/").split("/")]
        match parts:
            case ["api", "whoami-v2"]:
                if self.token is None:
                    raise Answer(401, "Invalid username or password.")
                name = "owner" if self.may_read_all else "stranger"
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
                raise Answer(404, f"no such route: {self.command} {self.target.path}")

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
            raise Answer(status, "Repository not found", "RepoNotFound")
        return repository

    def _enter(self, repository: Repository) -> None:
        if repository.gated and not self.may_read_all:
            status = 401 if self.token is None else 403
            name = repository.id
            raise Answer(status, f"Access to {repository.kind} {name} is restricted.", "GatedRepo")

    def _at(self, repository: Repository, revision: str) -> tuple[str, dict[str, StoredFile]]:
        sha = repository.resolve(revision)
        if sha is None:
            raise Answer(404, f"Invalid rev id: {revision}", "RevisionNotFound")
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
                    raise Answer(404, "does not exist", "EntryNotFound")
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
                raise Answer(404, f"no such route: {self.command} {self.target.path}")

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
            raise Answer(404, "Entry not found", "EntryNotFound")
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

    def _bytes(self, location: Path, headers: dict[str, str]) -> Any:
        return lambda: self._send_range(location, headers)

    def _static(self, content: bytes | str) -> Any:
        if isinstance(content, str):
            return lambda: self._send(302, {"Location": content}, b"")
        return lambda: self._send_range(content, {})

    def _send_range(self, content: Path | bytes, headers: dict[str, str]) -> None:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"} | headers
        asked = self.headers.get("Range", "")
        start, end, status = 0, size - 1, 200
        if asked.startswith("bytes=") and "," not in asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, size - int(last))
            end = min(int(last), size - 1) if first and last else size - 1
            if start > end:
                return self._send(416, {"Content-Range": f"bytes */{size}"}, b"")
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
            status = 206
        return self._send(status, headers, read(content, start, end + 1))

    # Uploads.

    def _write(self) -> None:
        if not self.may_read_all:
            raise Answer(401 if self.token is None else 403, "You have no right to write here")

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
            raise Answer(400, "the content does not have the promised sha256")
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
                        raise Answer(
                            412, "A commit has happened since. Please refresh and try again."
                        )
                case "file":
                    changes[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    if value["oid"] not in self.hub.large_files:
                        raise Answer(400, f"large file {value['oid']} was never uploaded")
                    changes[value["path"]] = self.hub.large_files[value["oid"]]
                case "deletedFile":
                    deleted.append(value["path"])
                case "deletedFolder":
                    deleted.append(value["path"].rstrip("/") + "/")
                case other:
                    raise Answer(400, f"unknown operation {other!r}")
        sha = repository.commit(changes, branch, deleted=tuple(deleted))
        prefix = "datasets/" if repository.kind == "dataset" else ""
        url = f"{self._origin}/{prefix}{repository.id}/commit/{sha}"
        return self._json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})

    # Answers.

    @property
    def _origin(self) -> str:
        return f"http://{self.headers['Host']}"

    def _body(self) -> dict[str, Any]:
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            form = parse_qs(self.body.decode())
            return {k: v if k == "paths" else v[0] for k, v in form.items()}
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise Answer(400, f"the body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Answer(400, "the body is not a JSON object")
        return body

    def _json(self, value: Any) -> Any:
        return lambda: self._send_json(200, value)

    def _send_json(self, status: int, value: Any) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        self._send(status, headers, json.dumps(value).encode())

    def _error(self, answer: Answer) -> None:
        headers = {"X-Error-Message": str(answer), "Content-Type": "application/json"}
        if answer.code is not None:
            headers["X-Error-Code"] = answer.code
        if (sha := getattr(self, "commit_header", None)) is not None:
            headers["X-Repo-Commit"] = sha
        self._send(answer.status, headers, json.dumps({"error": str(answer)}).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        cut = self.fault.cut_after if self.fault is not None else None
        if cut is not None:
            self.close_connection = True
            body = body[:cut]
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
