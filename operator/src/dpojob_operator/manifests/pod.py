"""What inspection and training pods have in common: the restricted Pod Security Standard, scratch
space, the user's claims and tokens."""

from __future__ import annotations

from dpojob_api.base import JSONObject
from dpojob_api.constants import (
    ENV_HUB_TOKEN,
    ENV_INPUTS,
    ENV_SCRATCH,
    INPUTS_ROOT,
    SCRATCH_ROOT,
    VOLUMES_ROOT,
)
from dpojob_api.job import DPOJob
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.decide.effective_spec import claims_mounted
from dpojob_operator.process import WorkloadSettings

from .container_inputs import ContainerInputs

USER = 65532
"""The images' user; also the group that owns freshly made volumes."""
CA_DIRECTORY = "/etc/dpojob/ca"
CA_FILE = f"{CA_DIRECTORY}/ca.crt"


def variable(name: str, value: str) -> JSONObject:
    """An environment variable with a plain value, which must hold nothing that a user wrote.

    The kubelet replaces `$(NAME)` by other variables' values, Secrets included, and `$$` by `$`.
    """
    return {"name": name, "value": value}


def secret_variable(name: str, secret: str, key: str) -> JSONObject:
    """An environment variable from a Secret; the kubelet reads it, the operator never does."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def common_environment(spec: DPOJobSpec, settings: WorkloadSettings) -> list[JSONObject]:
    """Variables of both containers."""
    found = [
        variable(ENV_INPUTS, INPUTS_ROOT),
        variable(ENV_SCRATCH, SCRATCH_ROOT),
        variable("HOME", SCRATCH_ROOT),
        variable("TMPDIR", SCRATCH_ROOT),
        variable("HF_HOME", f"{SCRATCH_ROOT}/huggingface"),
    ]
    if settings.ca_config_map:
        found += [variable(name, CA_FILE) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")]
    found += [variable(name, value) for name, value in sorted(settings.pod_env.items())]
    if spec.hub_token_secret is not None:
        secret = spec.hub_token_secret
        found.append(secret_variable(ENV_HUB_TOKEN, secret.name, secret.key))
    return found


def pod_template(
    job: DPOJob,
    spec: DPOJobSpec,
    settings: WorkloadSettings,
    container: JSONObject,
    scratch_size: str,
    inputs: ContainerInputs,
    labels: dict[str, str],
) -> JSONObject:
    """A pod of one container that the restricted Pod Security Standard admits."""
    volumes: list[JSONObject] = [
        {"name": "scratch", "emptyDir": {"sizeLimit": scratch_size}},
        {"name": "inputs", **inputs.volume_source()},
    ]
    mounts: list[JSONObject] = [
        {"name": "inputs", "mountPath": INPUTS_ROOT, "readOnly": True},
        {"name": "scratch", "mountPath": SCRATCH_ROOT},
    ]
    mounted = claims_mounted(spec, job.status.dependency)
    for number, (claim, read_only) in enumerate(mounted.items()):
        name = f"claim-{number}"
        # In the volume source too: the kubelet applies fsGroup to every volume that is writable there.
        option = {"readOnly": True} if read_only else {}
        volumes.append({"name": name, "persistentVolumeClaim": {"claimName": claim, **option}})
        mounts.append({"name": name, "mountPath": f"{VOLUMES_ROOT}/{claim}", **option})
    if settings.ca_config_map:
        volumes.append({"name": "ca", "configMap": {"name": settings.ca_config_map}})
        mounts.append({"name": "ca", "mountPath": CA_DIRECTORY, "readOnly": True})
    pod: JSONObject = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                **container,
                "imagePullPolicy": settings.image_pull_policy,
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return {"metadata": {"labels": labels, "annotations": inputs.annotations()}, "spec": pod}
