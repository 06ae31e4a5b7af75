import json
from pathlib import Path

from devcluster.control_plane import audit


def event(name: str) -> str:
    reference = {"resource": "jobs", "apiGroup": "batch", "namespace": "a", "name": name}
    user = {"username": "system:serviceaccount:a:b"}
    return json.dumps({"auditID": name, "verb": "get", "user": user, "objectRef": reference}) + "\n"


def names(log: Path) -> list[str]:
    return [request.name for request in audit.read(log)]


def test_a_line_that_is_being_written_is_no_request_yet(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(event("one") + event("two")[:-20])
    assert names(log) == ["one"]
    log.write_text(event("one") + event("two")[:-1])
    assert names(log) == ["one"]
    log.write_text(event("one") + event("two"))
    assert names(log) == ["one", "two"]


def test_a_rotated_log_is_read_before_the_one_that_follows(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    (tmp_path / "audit-policy.json").write_text("{}")
    rotated = tmp_path / "audit-2026-01-02T03-04-05.678.log"
    rotated.write_text(event("one") + event("two"))
    assert names(log) == ["one", "two"], "the next file does not exist yet"
    log.write_text(event("two") + event("three"))
    assert names(log) == ["one", "two", "three"]


def test_the_size_at_which_the_log_is_rotated_is_the_callers(tmp_path: Path) -> None:
    flags = audit.flags(tmp_path / "policy.json", tmp_path / "audit.log", 7)
    assert "--audit-log-maxsize=7" in flags
