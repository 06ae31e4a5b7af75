"""What can go wrong between the operator and the API server, and where: faults as values.

A fault reads and prints as text, so that a run can be named on the command line:
`crash-before@write#3`, `409@update dpojobs/status#2`, `drop@watch jobs#1:4`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ANSWERS = ("409", "422", "429", "500", "500-while")
"""HTTP errors given instead of forwarding."""
BROKEN = ("timeout-before", "timeout-after", "reset-before", "reset-after", "cut")
"""Requests without a complete answer. `cut`: forwarded, and half of the answer arrives."""
CRASHES = ("crash-before", "crash-after", "crash-stale", "crash-late")
"""SIGKILL instead of forwarding; after forwarding, without an answer; the same, and the next process's
first LISTs of the whole cluster are answered as of the beginning, or its first look at a Job comes late."""
EVENTS = ("drop", "double", "delay", "reorder")
"""What happens to one event of a watch."""
STREAMS = ("error-410", "error-500", "close", "silence", "lag")
"""What happens to a watch after a number of events. `silence`: no event comes any more, and the stream
stays open; `lag`: every further event comes late. The operator goes on, by requests that are answered at once."""
OPENINGS = ("http-410", "http-500")
"""HTTP errors with which a watch is refused."""

WRITES = ("create", "update", "patch", "delete")
PATH = re.compile(
    r"^/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<ns>[^/]+))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>.+))?)?$"
)


@dataclass(frozen=True)
class Kind:
    """Requests of one kind: `update dpojobs/status`."""

    verb: str
    resource: str
    sub: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f"/{self.sub}" if self.sub else "")

    @property
    def writes(self) -> bool:
        """Whether such a request may change something."""
        return self.verb in WRITES


@dataclass(frozen=True)
class Point:
    """One moment of a run: the nth request of a kind, or the nth write of any kind."""

    kind: Kind | None
    """None: any write."""
    nth: int
    """From 1."""
    event: int = 0
    """The event of a watch at which it happens, from 1; 0 for the request as a whole."""

    def __str__(self) -> str:
        where = "write" if self.kind is None else str(self.kind)
        return f"{where}#{self.nth}" + (f":{self.event}" if self.event else "")


@dataclass(frozen=True)
class Fault:
    """What happens at that moment."""

    action: str
    at: Point

    def __str__(self) -> str:
        return f"{self.action}@{self.at}"

    @classmethod
    def read(cls, text: str) -> Fault:
        """The fault that prints so."""
        action, _, where = text.partition("@")
        match = re.fullmatch(r"(\w+)(?: (\w+)(?:/([\w*]+))?)?#(\d+)(?::(\d+))?", where)
        if match is None:
            raise ValueError(f"{text!r} names no fault, such as crash-before@write#3")
        verb, resource, sub, nth, event = match.groups()
        kind = None if verb == "write" else Kind(verb, resource, sub or "")
        return cls(action, Point(kind, int(nth), int(event or 0)))


def kind_of(method: str, path: str, watching: bool) -> Kind:
    """What a request is, in Kubernetes' terms."""
    match = PATH.match(path)
    if match is None:
        return Kind(method.lower(), "discovery")
    sub = match["sub"] or ""
    if sub.startswith("proxy"):
        sub = "proxy"
    if method == "GET":
        verb = "get" if match["name"] else "watch" if watching else "list"
    else:
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
    return Kind(verb, match["resource"], sub)


def may_be_answered_stale(kind: Kind, path: str) -> bool:
    """Whether an answer to this request may be older than the request: a list of the whole cluster.

    Events of the watch that follows such a list correct it. The operator's lists of one namespace are
    read for a decision and name no resourceVersion; the API server answers these with the newest state
    (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions), and only
    such a list shows that no pod is left in an output directory.
    """
    match = PATH.match(path)
    return kind.verb == "list" and match is not None and match["ns"] is None
