"""Access to the Kubernetes API: the client, parsing, Events and leader election; `resources` names the kinds of object."""

from .api_client import ApiClient, ApiError, Conflict, NotFound, inside_cluster
from .bounded_body import NO_COMPRESSION, read_body
from .events import record_events
from .handled_fields import HANDLED_FIELDS
from .kopf_session import login
from .leader_election import LeaseLost, run_as_leader
from .object_keys import Key, key_of, owning_dpojob
from .parsing import parse_dpojob, parse_gpupool

__all__ = [
    "HANDLED_FIELDS",
    "NO_COMPRESSION",
    "ApiClient",
    "ApiError",
    "Conflict",
    "Key",
    "LeaseLost",
    "NotFound",
    "inside_cluster",
    "key_of",
    "login",
    "owning_dpojob",
    "parse_dpojob",
    "parse_gpupool",
    "read_body",
    "record_events",
    "resources",
    "run_as_leader",
]
