"""The replies of an endpoint, kept so that an interrupted evaluation asks nothing twice."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dpojob_api.evaluation import JudgeUsage
from dpojob_api.spec import JudgeEndpoint
from dpojob_trainer.training.setup.resumable_file import ResumableFile

from .endpoint_client import Reply, add_usage
from .pairwise_prompt import VERSION

FILE = "replies.jsonl"


class KeptReplies:
    """Replies by the messages that asked for them; threads may share it."""

    def __init__(self, directory: Path, spec: JudgeEndpoint) -> None:
        """Read the replies of the same model at the same address."""
        self._spec = spec
        self._lock = threading.Lock()
        self._file = ResumableFile(directory / FILE, [spec.url, spec.model, VERSION])
        self._replies = {
            value["asked"]: Reply(value["text"], value["input_tokens"], value["output_tokens"])
            for value in self._file.values
        }

    def usage(self) -> JudgeUsage:
        """What the kept replies cost."""
        return add_usage(self._spec, JudgeUsage(cost=0.0), list(self._replies.values()))

    def find(self, messages: list[dict[str, str]]) -> Reply | None:
        """The reply to these messages; None where they were not asked."""
        return self._replies.get(_digest(messages))

    def add(self, messages: list[dict[str, str]], reply: Reply) -> None:
        """Keep a reply."""
        asked = _digest(messages)
        with self._lock:
            self._replies[asked] = reply
            self._file.append([{"asked": asked, **asdict(reply)}])


def _digest(messages: Any) -> str:
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()
