"""The end state of a run without what differs between any two runs: UIDs, times, costs by the clock."""

from __future__ import annotations

import json
import re
from typing import Any

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_JOB_UID

TIMES = re.compile(r"(Time|At)$")
BY_THE_CLOCK = {"gpuSeconds", "podSeconds", "soFar", "cost", "eta", "waitSeconds"}
"""Fields that grow while a pod runs or a job waits."""
UID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
ELAPSED = re.compile(r"has (taken|cost|used) [^;]+;")
PERIOD_END = re.compile(r"(this (?:day|week|month)) ends \d{4}-\d\d-\d\d")
"""A run may begin or end in another period than the clean run."""
POD_SUFFIX = re.compile(r"(-(?:inspect|train)-<uid>(?:-\d+)?(?:-\d+)?)-[a-z0-9]{5}\b")


def _plain(value: Any, key: str = "") -> Any:
    if TIMES.search(key):
        return "<time>"
    if key in BY_THE_CLOCK:
        return "<measured>"
    if isinstance(value, dict):
        return {name: _plain(inner, name) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _text(value: Any, names: dict[str, str]) -> str:
    text = json.dumps(_plain(value), indent=1, sort_keys=True)
    for real, plain in names.items():
        text = text.replace(real, plain)
    text = UID.sub("<child>", ELAPSED.sub(r"has \1 <measured>;", text))
    text = PERIOD_END.sub(r"\1 ends <day>", text)
    return POD_SUFFIX.sub(r"\1-<pod>", text)


def end_state(namespace: str, jobs: list[JSONObject], children: list[JSONObject]) -> str:
    """DPOJobs with spec and status, and each child's name, owner and how it ended, as text.

    A DPOJob's incarnation counts, not its UID; so does which child is whose.
    """
    from dpojob_operator.decide.child_names import uid_hash

    names = {namespace: "<run>"}
    for job in jobs:
        uid = job["metadata"]["uid"]
        names[uid] = f"<uid of {job['metadata']['name']}>"
        names[uid_hash(uid)] = "<uid>"
    job_states = [
        {
            "name": job["metadata"]["name"],
            "generation": job["metadata"]["generation"],
            "spec": job["spec"],
            "status": job.get("status"),
        }
        for job in sorted(jobs, key=lambda job: str(job["metadata"]["name"]))
    ]
    child_states = sorted(
        [
            child["kind"],
            child["metadata"]["name"],
            child["metadata"]["labels"].get(LABEL_JOB_UID, ""),
            sorted(
                condition["type"]
                for condition in (child.get("status") or {}).get("conditions") or []
                if condition["status"] == "True"
            ),
        ]
        for child in children
    )
    return _text({"jobs": job_states, "children": child_states}, names)
