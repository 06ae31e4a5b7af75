"""The operator's configuration, from environment variables; the chart writes them.

Every field names its variable. An empty variable counts as absent. A value that cannot be parsed ends
the process with the variable's name, before anything is watched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "DPOJOB_OPERATOR_"


class SettingsError(ValueError):
    """An environment variable has an invalid value; the message names it."""


def _split_names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _parse_object(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError as error:
        text = str(error).replace("{", "{{").replace("}", "}}")
        raise PydanticCustomError("setting", f" is not JSON: {text}") from None
    if not isinstance(parsed, dict):
        raise PydanticCustomError("setting", " is not a JSON object")
    return parsed


def _parse_strings(value: object) -> object:
    parsed = _parse_object(value)
    if not isinstance(parsed, dict):
        return parsed
    return {str(name): str(text) for name, text in parsed.items()}


def _parse_flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in ("true", "false"):
        raise PydanticCustomError(
            "setting", ": {value} is neither true nor false", {"value": repr(value)}
        )
    return value.lower() == "true"


def _parse_endpoint(value: object) -> object:
    return "" if value == "none" else str(value).rstrip("/")


def _truncate(value: object) -> object:
    """A whole number may be written as a float; its fraction is dropped."""
    try:
        return int(float(value)) if isinstance(value, str) else value
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "setting", ": {value} is not a number", {"value": repr(value)}
        ) from None


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
ContainerResources = Annotated[dict[str, Any], NoDecode, BeforeValidator(_parse_object)]
Strings = Annotated[dict[str, str], NoDecode, BeforeValidator(_parse_strings)]
Flag = Annotated[bool, BeforeValidator(_parse_flag)]
Endpoint = Annotated[str, BeforeValidator(_parse_endpoint)]
Seconds = Annotated[float, Field(ge=0.001)]
GraceSeconds = Annotated[float, Field(ge=0)]
WholeNumber = Annotated[int, BeforeValidator(_truncate)]
PositiveNumber = Annotated[WholeNumber, Field(ge=1)]


def _default_inspect_resources() -> dict[str, Any]:
    return {
        "requests": {"cpu": "500m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }


def _default_train_resources() -> dict[str, Any]:
    return {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {}}


class WorkloadSettings(BaseModel):
    """The settings of the pods of inspection and training Jobs."""

    model_config = ConfigDict(frozen=True)

    inspect_image: str
    """DPOJOB_OPERATOR_INSPECT_IMAGE: image of the slim inspect target. Required."""
    train_image: str
    """DPOJOB_OPERATOR_TRAIN_IMAGE: image of the trainer. Required."""
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """DPOJOB_OPERATOR_IMAGE_PULL_POLICY."""
    image_pull_secrets: Names = ()
    """DPOJOB_OPERATOR_IMAGE_PULL_SECRETS: comma-separated; Secrets of the job's own namespace."""
    inspect_resources: ContainerResources = Field(default_factory=_default_inspect_resources)
    """DPOJOB_OPERATOR_INSPECT_RESOURCES: JSON, {"requests": {...}, "limits": {...}}."""
    train_resources: ContainerResources = Field(default_factory=_default_train_resources)
    """DPOJOB_OPERATOR_TRAIN_RESOURCES: JSON, per pod; the GPUs are added to it."""
    scratch_size: str = "50Gi"
    """DPOJOB_OPERATOR_SCRATCH_SIZE: size limit of a training pod's /scratch."""
    inspect_scratch_size: str = "10Gi"
    """DPOJOB_OPERATOR_INSPECT_SCRATCH_SIZE: size limit of an inspection pod's /scratch."""
    pod_env: Strings = Field(default_factory=dict)
    """DPOJOB_OPERATOR_POD_ENV: JSON object of variables for both pods: HF_ENDPOINT, proxies, ..."""
    ca_config_map: str = ""
    """DPOJOB_OPERATOR_CA_CONFIG_MAP: a ConfigMap of the job's namespace whose key `ca.crt` is the
    CA bundle for hub and mirrors; empty: the image's own."""
    inspect_deadline_seconds: PositiveNumber = 7200
    """DPOJOB_OPERATOR_INSPECT_DEADLINE_SECONDS: longest an inspection may take, image pull included."""
    grace_period_seconds: PositiveNumber = 120
    """DPOJOB_OPERATOR_GRACE_PERIOD_SECONDS: a training pod's time to save a checkpoint."""
    storage_class: str = ""
    """DPOJOB_OPERATOR_STORAGE_CLASS: the class of output claims that the operator creates; empty: the default."""


class Settings(WorkloadSettings, BaseSettings):
    """The operator's whole configuration."""

    model_config = SettingsConfigDict(frozen=True, env_prefix=PREFIX, env_ignore_empty=True)

    namespaces: Names = ()
    """DPOJOB_OPERATOR_NAMESPACES: comma-separated namespaces to watch; empty: all."""
    currency: str = "USD"
    """DPOJOB_OPERATOR_CURRENCY: shown beside costs; prices are the pools'."""
    allow_judge_programs: Flag = False
    """DPOJOB_OPERATOR_ALLOW_JUDGE_PROGRAMS: `true` lets evaluation.judge.program run a user's program in
    the training pod, without its tokens and keys."""
    cache_claims: Strings = Field(default_factory=dict)
    """DPOJOB_OPERATOR_CACHE_CLAIMS: JSON object, by namespace the claim that is the cache of its jobs, unless
    they name one in spec.cache."""
    workers: PositiveNumber = 16
    """DPOJOB_OPERATOR_WORKERS: keys reconciled at the same time."""
    resync_seconds: Seconds = 120.0
    """DPOJOB_OPERATOR_RESYNC_SECONDS: how often all DPOJobs are listed and queued again."""
    progress_seconds: Seconds = 5.0
    """DPOJOB_OPERATOR_PROGRESS_SECONDS: how often a running job's progress is read; less
    often with more than 200 running jobs."""
    status_seconds: Seconds = 10.0
    """DPOJOB_OPERATOR_STATUS_SECONDS: progress is written to the resource at most this often; less
    often with more than 340 running jobs, every 30 s with 1,000."""
    progress_via: Literal["auto", "pod", "proxy"] = "auto"
    """DPOJOB_OPERATOR_PROGRESS_VIA: `pod` (its address), `proxy` (the API server's), or `auto`: the
    pod's address inside a cluster, the proxy outside."""
    batch_seconds: GraceSeconds = 0.5
    """DPOJOB_OPERATOR_BATCH_SECONDS: the pause after which changes of a job's pods and Jobs count as over, so
    that several of them are one write of its status; four pauses after the first at the latest."""
    missing_grace_seconds: GraceSeconds = 10.0
    """DPOJOB_OPERATOR_MISSING_GRACE_SECONDS: how long a missing claim is waited for
    from when it was first missed, so that one `kubectl apply` may hold both in any order; and how long a missing pool."""
    secret_grace_seconds: GraceSeconds = 30.0
    """DPOJOB_OPERATOR_SECRET_GRACE_SECONDS: how long a pod may wait for a missing Secret."""
    request_seconds: Seconds = 15.0
    """DPOJOB_OPERATOR_REQUEST_SECONDS: time-out of one API request."""
    hub_endpoint: Endpoint = "https://huggingface.co"
    """DPOJOB_OPERATOR_HUB_ENDPOINT: where branches are resolved to commits, so that jobs over the
    same commits share one inspection; `none`: only pinned commits share."""
    http_port: Annotated[WholeNumber, Field(ge=0)] = 8081
    """DPOJOB_OPERATOR_HTTP_PORT: /healthz, /readyz and /metrics; 0 picks a free one (logged)."""
    leader_election: Flag = False
    """DPOJOB_OPERATOR_LEADER_ELECTION: whether a Lease is taken before any work; the chart always says `true`."""
    lease_namespace: str = "default"
    """DPOJOB_OPERATOR_LEASE_NAMESPACE: where the Lease lies (the chart: the operator's own)."""
    lease_name: str = "dpojob-operator"
    """DPOJOB_OPERATOR_LEASE_NAME."""
    lease_seconds: Annotated[WholeNumber, Field(ge=3)] = 15
    """DPOJOB_OPERATOR_LEASE_SECONDS: a dead leader is replaced after this long."""
    log_format: Literal["text", "json"] = "text"
    """DPOJOB_OPERATOR_LOG_FORMAT: `text` or `json`."""
    verbose: Flag = False
    """DPOJOB_OPERATOR_VERBOSE: `true` logs every decision."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but what `load` passes: no .env file and no secrets directory is read."""
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """The prefixed variables of a given environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {
            name.lower(): value
            for name, value in self._environment.items()
            if value and name.isupper()
        }


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environment`. Raises SettingsError naming the variable."""
    try:
        return Settings(**_Environment(environment)())
    except ValidationError as error:
        raise SettingsError(_describe(error.errors()[0])) from None


def _describe(error: ErrorDetails) -> str:
    variable = f"{PREFIX}{str(error['loc'][0]).upper()}"
    value, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{variable} is not set"
        case "float_parsing":
            return f"{variable}: {value!r} is not a number"
        case "greater_than_equal":
            return f"{variable}: {value} is less than {context['ge']:g}"
        case "literal_error":
            choices = str(context["expected"]).replace("'", "").replace(" or ", ", ")
            return f"{variable}: {value!r} is none of {choices}"
        case _:
            return f"{variable}{error['msg']}"
