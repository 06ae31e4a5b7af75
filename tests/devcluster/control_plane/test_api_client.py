import json
from typing import Any

import pytest

from devcluster.control_plane import ApiError
from devcluster.control_plane.api_client import MERGE_PATCH, Request, labelled
from devcluster.host.errors import DevclusterError


@pytest.mark.parametrize(
    ("text", "answer"), [(b'{"kind": "Pod"}', {"kind": "Pod"}), (b"ok", "ok"), (b"\xff", "\N{REPLACEMENT CHARACTER}")]
)  # fmt: skip
def test_an_answer_is_json_or_else_text(text: bytes, answer: Any) -> None:
    assert Request("GET", "/readyz").decode(200, text) == answer


@pytest.mark.parametrize("status", [400, 404, 409, 500])
def test_a_refusal_names_the_request_and_what_the_server_answered(status: int) -> None:
    with pytest.raises(ApiError, match=rf"^PUT /api/v1/pods/a: {status} no such thing$") as raised:
        Request("PUT", "/api/v1/pods/a", {}).decode(status, b"no such thing")
    assert raised.value.status == status
    assert isinstance(raised.value, DevclusterError)


def test_a_body_is_sent_as_json_under_its_content_type() -> None:
    request = Request("PATCH", "/api/v1/pods/a", {"spec": {}}, MERGE_PATCH)
    assert request.data is not None and json.loads(request.data) == {"spec": {}}
    assert request.headers["Content-Type"] == MERGE_PATCH
    assert Request("GET", "/api/v1/pods").data is None


def test_labels_are_escaped_in_the_path() -> None:
    assert labelled("/api/v1/pods", {"dpojob.dev/stage": "train", "a": "b"}) == (
        "/api/v1/pods?labelSelector=dpojob.dev/stage%3Dtrain%2Ca%3Db"
    )
