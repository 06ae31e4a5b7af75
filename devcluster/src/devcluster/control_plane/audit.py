"""The API server's audit log: who asked for what, and by which rule it was allowed.

Only service accounts outside kube-system are recorded: what an installed operator needs of RBAC can be read
from it. Bodies are recorded for the accounts of one namespace only.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BODIES_NAMESPACE = "audited-bodies"
"""Requests of service accounts in this namespace are recorded with the bodies of requests and answers."""

POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {
            "level": "RequestResponse",
            "userGroups": [f"system:serviceaccounts:{BODIES_NAMESPACE}"],
        },
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}


LOG_MIB = 100
"""Size at which the API server rotates the log, where nothing else is said."""


@dataclass(frozen=True)
class Request:
    """A request of a service account for a resource."""

    user: str
    verb: str
    group: str
    """API group; empty for the core group."""
    resource: str
    """The resource with its subresource: `jobs`, `dpojobs/status`."""
    namespace: str
    name: str
    allowed: bool
    reason: str
    """The binding and the role that allowed it."""


def flags(policy: Path, log: Path, mib: int) -> list[str]:
    """Writes the policy, and returns the API server's flags for it and for a log that is rotated at `mib` MiB."""
    policy.write_text(json.dumps(POLICY))
    return [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
        f"--audit-log-maxsize={mib}",
        "--audit-log-maxbackup=1",
    ]


def read(log: Path) -> Iterator[Request]:
    """Yields the recorded requests for resources, oldest first, each once.

    The API server may write meanwhile: what follows the last newline is no whole line yet.
    """
    seen: set[str] = set()
    for line in _lines(log):
        event = json.loads(line)
        reference = event.get("objectRef")
        if reference is None or event["auditID"] in seen:
            continue
        seen.add(event["auditID"])
        annotations = event.get("annotations", {})
        subresource = reference.get("subresource")
        yield Request(
            user=event["user"]["username"],
            verb=event["verb"],
            group=reference.get("apiGroup", ""),
            resource=reference.get("resource", "") + (f"/{subresource}" if subresource else ""),
            namespace=reference.get("namespace", ""),
            name=reference.get("name", ""),
            allowed=annotations.get("authorization.k8s.io/decision") == "allow",
            reason=annotations.get("authorization.k8s.io/reason", ""),
        )


def _lines(log: Path) -> Iterator[str]:
    """The whole lines of the log and, before them, of the file that the API server rotated."""
    # The newest file is read first. Where it is rotated between the two reads, its lines are there twice; in the
    # other order they would be missing.
    newest = log.read_text() if log.exists() else ""
    rotated = sorted(log.parent.glob(f"{log.stem}-*{log.suffix}"))
    for text in (*(path.read_text() for path in rotated), newest):
        yield from text.rpartition("\n")[0].splitlines()
