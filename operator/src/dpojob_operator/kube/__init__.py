"""Access to the Kubernetes API: the client, parsing, Events and leader election; `resources` names the kinds of object."""

from .api_client import MIN_PAGE, ApiClient, ApiError, Conflict, NotFound
from .bounded_body import NO_COMPRESSION, read_body
from .connection import inside_cluster
from .event_recorder import FLUSH_SECONDS, EventRecorder
from .kopf_session import ObjectSink, login
from .leader_election import LeaseLost, run_as_leader
from .object_keys import Key, key_of, owning_dpojob
from .object_store import ObjectStore
from .parsing import (
    UnreadableObject,
    parse_dpojob,
    parse_gpupool,
    parse_or_explain,
    unreadable_part,
)
from .selected_fields import select_fields

__all__ = [
    "FLUSH_SECONDS",
    "MIN_PAGE",
    "NO_COMPRESSION",
    "ApiClient",
    "ApiError",
    "Conflict",
    "EventRecorder",
    "Key",
    "LeaseLost",
    "NotFound",
    "ObjectSink",
    "ObjectStore",
    "UnreadableObject",
    "inside_cluster",
    "key_of",
    "login",
    "owning_dpojob",
    "parse_dpojob",
    "parse_gpupool",
    "parse_or_explain",
    "read_body",
    "resources",
    "run_as_leader",
    "select_fields",
    "unreadable_part",
]
