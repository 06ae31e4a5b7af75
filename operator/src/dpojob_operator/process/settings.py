"""The operator's configuration, from environment variables; the chart writes them.

An empty variable counts as absent.
Every field says its variable. A value that cannot be read ends the process with the variable's name,
before anything is watched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "DPOJOB_OPERATOR_"


class SettingsError(ValueError):
    """An environment variable holds what it must not; the message names it."""


def _default_inspect_resources() -> dict[str, Any]:
    return {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }


def _default_train_resources() -> dict[str, Any]:
    return {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {}}


@dataclass(frozen=True)
class WorkloadSettings:
    """What goes into the Jobs' pods."""

    inspect_image: str
    """DPOJOB_OPERATOR_INSPECT_IMAGE: image of the slim inspect target. Required."""
    train_image: str
    """DPOJOB_OPERATOR_TRAIN_IMAGE: image of the trainer. Required."""
    image_pull_policy: str = "IfNotPresent"
    """DPOJOB_OPERATOR_IMAGE_PULL_POLICY."""
    image_pull_secrets: tuple[str, ...] = ()
    """DPOJOB_OPERATOR_IMAGE_PULL_SECRETS: comma-separated; Secrets of the job's own namespace."""
    inspect_resources: dict[str, Any] = field(default_factory=_default_inspect_resources)
    """DPOJOB_OPERATOR_INSPECT_RESOURCES: JSON, {"requests": {...}, "limits": {...}}."""
    train_resources: dict[str, Any] = field(default_factory=_default_train_resources)
    """DPOJOB_OPERATOR_TRAIN_RESOURCES: JSON, per pod; the GPUs are added to it."""
    scratch_size: str = "50Gi"
    """DPOJOB_OPERATOR_SCRATCH_SIZE: size limit of a training pod's /scratch."""
    inspect_scratch_size: str = "10Gi"
    """DPOJOB_OPERATOR_INSPECT_SCRATCH_SIZE: size limit of an inspection pod's /scratch."""
    pod_environment: dict[str, str] = field(default_factory=dict)
    """DPOJOB_OPERATOR_POD_ENV: JSON object of variables for both pods: HF_ENDPOINT, proxies, ..."""
    ca_config_map: str = ""
    """DPOJOB_OPERATOR_CA_CONFIG_MAP: a ConfigMap of the job's namespace whose key `ca.crt` is the
    CA bundle for hub and mirrors; empty: the image's own."""
    inspect_deadline_seconds: int = 7200
    """DPOJOB_OPERATOR_INSPECT_DEADLINE_SECONDS: longest an inspection may take, image pull included."""
    grace_period_seconds: int = 120
    """DPOJOB_OPERATOR_GRACE_PERIOD_SECONDS: a training pod's time to save a checkpoint."""
    storage_class: str = ""
    """DPOJOB_OPERATOR_STORAGE_CLASS: of output claims the operator makes; empty: the default class."""


@dataclass(frozen=True)
class Settings:
    """All of the operator's configuration."""

    workload: WorkloadSettings
    namespaces: tuple[str, ...] = ()
    """DPOJOB_OPERATOR_NAMESPACES: comma-separated namespaces to watch; empty: all."""
    currency: str = "USD"
    """DPOJOB_OPERATOR_CURRENCY: shown beside costs; prices are the pools'."""
    workers: int = 16
    """DPOJOB_OPERATOR_WORKERS: keys reconciled at the same time."""
    resync_seconds: float = 120.0
    """DPOJOB_OPERATOR_RESYNC_SECONDS: how often all DPOJobs are listed and queued again."""
    progress_seconds: float = 5.0
    """DPOJOB_OPERATOR_PROGRESS_SECONDS: how often a running job's progress is read."""
    status_seconds: float = 10.0
    """DPOJOB_OPERATOR_STATUS_SECONDS: progress is written to the resource at most this often."""
    progress_via: str = "auto"
    """DPOJOB_OPERATOR_PROGRESS_VIA: `pod` (its address), `proxy` (the API server's), or `auto`: the
    pod's address inside a cluster, the proxy outside."""
    missing_grace_seconds: float = 10.0
    """DPOJOB_OPERATOR_MISSING_GRACE_SECONDS: how long after a DPOJob's creation a missing claim is
    waited for, so that one `kubectl apply` may hold both in any order; and how long a missing pool."""
    secret_grace_seconds: float = 30.0
    """DPOJOB_OPERATOR_SECRET_GRACE_SECONDS: how long a pod may wait for a missing Secret."""
    request_seconds: float = 15.0
    """DPOJOB_OPERATOR_REQUEST_SECONDS: time-out of one API request."""
    hub_endpoint: str = "https://huggingface.co"
    """DPOJOB_OPERATOR_HUB_ENDPOINT: where branches are resolved to commits, so that jobs over the
    same commits share one inspection; `none`: only pinned commits share."""
    http_port: int = 8081
    """DPOJOB_OPERATOR_HTTP_PORT: /healthz, /readyz and /metrics; 0 picks a free one (logged)."""
    leader_election: bool = False
    """DPOJOB_OPERATOR_LEADER_ELECTION: `true` with more than one replica."""
    lease_namespace: str = "default"
    """DPOJOB_OPERATOR_LEASE_NAMESPACE: where the Lease lies (the chart: the operator's own)."""
    lease_name: str = "dpojob-operator"
    """DPOJOB_OPERATOR_LEASE_NAME."""
    lease_seconds: int = 15
    """DPOJOB_OPERATOR_LEASE_SECONDS: a dead leader is replaced after this long."""
    log_format: str = "text"
    """DPOJOB_OPERATOR_LOG_FORMAT: `text` or `json`."""
    verbose: bool = False
    """DPOJOB_OPERATOR_VERBOSE: `true` logs every decision."""


class _Reader:
    """Reads prefixed variables; errors name the variable."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(PREFIX + name, "") or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            raise SettingsError(f"{PREFIX}{name} is not set")
        return value

    def number(self, name: str, default: float, least: float = 0.001) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            raise SettingsError(f"{PREFIX}{name}: {text!r} is not a number") from None
        if not value >= least:
            raise SettingsError(f"{PREFIX}{name}: {text} is less than {least:g}")
        return value

    def flag(self, name: str) -> bool:
        text = self.text(name, "false").lower()
        if text not in ("true", "false"):
            raise SettingsError(f"{PREFIX}{name}: {text!r} is neither true nor false")
        return text == "true"

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name, "").split(",") if part.strip())

    def choice(self, name: str, *choices: str) -> str:
        text = self.text(name, choices[0])
        if text not in choices:
            raise SettingsError(f"{PREFIX}{name}: {text!r} is none of {', '.join(choices)}")
        return text

    def mapping(self, name: str, default: dict[str, Any]) -> dict[str, Any]:
        text = self.text(name, "")
        if not text:
            return default
        try:
            value = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}{name} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise SettingsError(f"{PREFIX}{name} is not a JSON object")
        return value


def _endpoint(text: str) -> str:
    return "" if text == "none" else text.rstrip("/")


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environment`. Raises SettingsError naming the variable."""
    read = _Reader(environment)
    pod_environment = read.mapping("POD_ENV", {})
    workload = WorkloadSettings(
        inspect_image=read.required("INSPECT_IMAGE"),
        train_image=read.required("TRAIN_IMAGE"),
        image_pull_policy=read.choice("IMAGE_PULL_POLICY", "IfNotPresent", "Always", "Never"),
        image_pull_secrets=read.names("IMAGE_PULL_SECRETS"),
        inspect_resources=read.mapping("INSPECT_RESOURCES", _default_inspect_resources()),
        train_resources=read.mapping("TRAIN_RESOURCES", _default_train_resources()),
        scratch_size=read.text("SCRATCH_SIZE", "50Gi"),
        inspect_scratch_size=read.text("INSPECT_SCRATCH_SIZE", "10Gi"),
        pod_environment={str(name): str(value) for name, value in pod_environment.items()},
        ca_config_map=read.text("CA_CONFIG_MAP", ""),
        inspect_deadline_seconds=int(read.number("INSPECT_DEADLINE_SECONDS", 7200, 1)),
        grace_period_seconds=int(read.number("GRACE_PERIOD_SECONDS", 120, 1)),
        storage_class=read.text("STORAGE_CLASS", ""),
    )
    return Settings(
        workload=workload,
        namespaces=read.names("NAMESPACES"),
        currency=read.text("CURRENCY", "USD"),
        workers=int(read.number("WORKERS", 16, 1)),
        resync_seconds=read.number("RESYNC_SECONDS", 120),
        progress_seconds=read.number("PROGRESS_SECONDS", 5),
        status_seconds=read.number("STATUS_SECONDS", 10),
        progress_via=read.choice("PROGRESS_VIA", "auto", "pod", "proxy"),
        missing_grace_seconds=read.number("MISSING_GRACE_SECONDS", 10, 0),
        secret_grace_seconds=read.number("SECRET_GRACE_SECONDS", 30, 0),
        request_seconds=read.number("REQUEST_SECONDS", 15),
        hub_endpoint=_endpoint(read.text("HUB_ENDPOINT", "https://huggingface.co")),
        http_port=int(read.number("HTTP_PORT", 8081, 0)),
        leader_election=read.flag("LEADER_ELECTION"),
        lease_namespace=read.text("LEASE_NAMESPACE", "default"),
        lease_name=read.text("LEASE_NAME", "dpojob-operator"),
        lease_seconds=int(read.number("LEASE_SECONDS", 15, 3)),
        log_format=read.choice("LOG_FORMAT", "text", "json"),
        verbose=read.flag("VERBOSE"),
    )
