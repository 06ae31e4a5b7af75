"""The training Job: GPUs of the planned pool, retried by the failure policy of batch/v1."""

from __future__ import annotations

from pathlib import PurePosixPath

from dpojob_api.base import JSONObject
from dpojob_api.constants import (
    CONTAINER_TRAIN,
    ENV_ATTEMPT,
    ENV_IMAGE,
    ENV_SECRET_PREFIX,
    JUDGE_KEY_DIRECTORY,
    JUDGE_KEY_FILE,
    LABEL_OUTPUT_DIRECTORY,
    PROGRESS_PORT,
    PROGRESS_PORT_NAME,
    SCRATCH_ROOT,
    STAGE_TRAIN,
    ExitCode,
)
from dpojob_api.job import Attempt, DPOJob
from dpojob_api.plan import Plan
from dpojob_api.pool import GPUPoolSpec, PodSettings
from dpojob_api.progress import Progress
from dpojob_api.report import InspectionReport
from dpojob_api.shared_training_constants import grace_period_seconds
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.decide.child_names import rendezvous_name
from dpojob_operator.decide.exit_statuses import FINAL_EXITS, SIGTERM_EXIT
from dpojob_operator.decide.object_snapshots import ANNOTATION_POOL
from dpojob_operator.process import WorkloadSettings

from .container_inputs import training_inputs
from .metadata import child_queue_labels, labels, output_directory_label, owner, queue_annotations
from .pod import common_environment, pod_template, secret_variable, variable
from .pool_hash import pool_hash
from .resources import larger_quantity, training_resources

RENDEZVOUS_PORT = 29500
"""Where the first node of a training over several nodes listens; torchrun's default."""
POOL_VOLUME_PREFIX = "pool-"
SHARED_MEMORY = "8Gi"
"""Size of /dev/shm with several GPUs in a pod: NCCL and data loaders need more than 64 MiB."""

MAX_MEASURED_GRACE_SECONDS = 3600
"""Most that an earlier attempt's checkpoints add: its pod is a user's and may report any number."""


def training_job(
    job: DPOJob,
    spec: DPOJobSpec,
    attempt: Attempt,
    plan: Plan,
    report: InspectionReport,
    pool: GPUPoolSpec,
    settings: WorkloadSettings,
) -> JSONObject:
    """The training Job of one attempt; `spec` is the effective spec. Raises InputsTooLarge."""
    name = attempt.job.name
    tags = labels(job, STAGE_TRAIN, attempt.number)
    if spec.output.volume is not None:
        tags[LABEL_OUTPUT_DIRECTORY] = output_directory_label(spec.output.volume)
    gpus = plan.gpus // plan.nodes
    pod_settings = pool.pod or PodSettings()
    # The pool's are the platform's to say, so they come last.
    set_by_others = {**queue_annotations(job), **pod_settings.annotations}
    template = pod_template(
        job,
        spec,
        settings,
        _container(spec, attempt, plan, pool, settings, gpus),
        larger_quantity(settings.scratch_size, plan.scratch_gib),
        training_inputs(job, spec, plan, report, set_by_others),
        tags,
    )
    # The operator finds its pods by its own labels, and they read its annotations, so the pool cannot
    # replace those.
    metadata, pod = template["metadata"], template["spec"]
    metadata["labels"] = {**pod_settings.labels, **metadata["labels"]}
    metadata["annotations"] = {**set_by_others, **metadata["annotations"]}
    pod["terminationGracePeriodSeconds"] = max(
        settings.grace_period_seconds,
        plan.checkpoint.grace_period_seconds,
        _measured_grace_period(job.status.progress),
    )
    if pool.node_selector:
        pod["nodeSelector"] = dict(pool.node_selector)
    if tolerations := [*pool.tolerations, *pod_settings.tolerations]:
        pod["tolerations"] = [toleration.wire() for toleration in tolerations]
    pod |= {
        field: value
        for field, value in pod_settings.wire().items()
        if field in ("runtimeClassName", "priorityClassName", "serviceAccountName", "schedulerName")
    }
    _add_pool_volumes(pod, pod_settings)
    _add_judge_key(pod, spec)
    if gpus > 1:
        pod["volumes"].append(
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}}
        )
        pod["containers"][0]["volumeMounts"].append({"name": "shm", "mountPath": "/dev/shm"})
    job_spec: JSONObject = {
        "backoffLimit": spec.backoff_limit,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": _failure_policy(),
        "template": template,
    }
    if plan.nodes > 1:
        pod["subdomain"] = rendezvous_name(name)
        job_spec |= {
            "completionMode": "Indexed",
            "completions": plan.nodes,
            "parallelism": plan.nodes,
        }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": job.namespace,
            "labels": {**child_queue_labels(job), **tags},
            "annotations": {**queue_annotations(job), ANNOTATION_POOL: pool_hash(pool)},
            "ownerReferences": owner(job),
        },
        "spec": job_spec,
    }


def _measured_grace_period(progress: Progress | None) -> int:
    """Seconds that an earlier attempt would have needed to stop; 0 where it wrote no checkpoint."""
    if progress is None or progress.checkpoint_seconds is None or not progress.steps_per_second:
        return 0
    save, step = (
        min(seconds, MAX_MEASURED_GRACE_SECONDS)
        for seconds in (progress.checkpoint_seconds, 1 / progress.steps_per_second)
    )
    return min(MAX_MEASURED_GRACE_SECONDS, grace_period_seconds(save, step))


def _add_pool_volumes(pod: JSONObject, pod_settings: PodSettings) -> None:
    """The pool's further volumes, with a prefix that none of the operator's own volumes has."""
    for volume in pod_settings.volumes:
        pod["volumes"].append({**volume.wire(), "name": f"{POOL_VOLUME_PREFIX}{volume.name}"})
    for mount in pod_settings.volume_mounts:
        pod["containers"][0]["volumeMounts"].append(
            {**mount.wire(), "name": f"{POOL_VOLUME_PREFIX}{mount.name}"}
        )


def _add_judge_key(pod: JSONObject, spec: DPOJobSpec) -> None:
    """The key of the judge's endpoint as a file; the model is trained without the Secret too."""
    judge = spec.evaluation.judge if spec.evaluation is not None else None
    if judge is None or judge.endpoint is None or judge.endpoint.secret is None:
        return
    secret = judge.endpoint.secret
    items = [{"key": secret.key, "path": PurePosixPath(JUDGE_KEY_FILE).name}]
    source = {"secretName": secret.name, "items": items, "optional": True}
    pod["volumes"].append({"name": "judge-key", "secret": source})
    pod["containers"][0]["volumeMounts"].append(
        {"name": "judge-key", "mountPath": JUDGE_KEY_DIRECTORY, "readOnly": True}
    )


def _container(
    spec: DPOJobSpec,
    attempt: Attempt,
    plan: Plan,
    pool: GPUPoolSpec,
    settings: WorkloadSettings,
    gpus: int,
) -> JSONObject:
    environment = [
        *common_environment(spec, settings),
        variable(ENV_ATTEMPT, str(attempt.number)),
        variable(ENV_IMAGE, settings.train_image),
        # Kernels that are compiled at run time are kept where the pod may write.
        variable("TRITON_CACHE_DIR", f"{SCRATCH_ROOT}/triton"),
        variable("TORCHINDUCTOR_CACHE_DIR", f"{SCRATCH_ROOT}/torchinductor"),
    ]
    if spec.output.s3 is not None and spec.output.s3.secret is not None:
        secret = spec.output.s3.secret.name
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.append(secret_variable(key, secret, key))
    if plan.nodes > 1:
        # Names that torch.distributed reads too. Rank 0 is the pod with completion index 0.
        first = f"{attempt.job.name}-0.{rendezvous_name(attempt.job.name)}"
        environment += [
            variable("MASTER_ADDR", first),
            variable("MASTER_PORT", str(RENDEZVOUS_PORT)),
        ]
    container: JSONObject = {
        "name": CONTAINER_TRAIN,
        "image": settings.train_image,
        "command": ["python", "-m", "dpojob_trainer"],
        "args": ["train"],
        "env": environment,
        "ports": [{"name": PROGRESS_PORT_NAME, "containerPort": PROGRESS_PORT}],
        "resources": training_resources(settings, plan, pool, gpus),
    }
    if spec.environment_secret is not None:
        # Under their own names, its keys could have Python load a user's code, or lift limits of the installation.
        source = {"secretRef": {"name": spec.environment_secret.name}}
        container["envFrom"] = [{"prefix": ENV_SECRET_PREFIX, **source}]
    return container


def _failure_policy() -> JSONObject:
    """The first rule that matches decides, so disruptions come before the exit status they cause.

    No rule for 137: it is out of main memory, which the operator ends the job for, or a pod that was
    stopped (a queueing system suspends the Job) and did not save its checkpoint in time. What matches
    no rule is retried and counts.
    """

    def on_exit(action: str, *statuses: int) -> JSONObject:
        return {
            "action": action,
            "onExitCodes": {
                "containerName": CONTAINER_TRAIN,
                "operator": "In",
                "values": sorted(statuses),
            },
        }

    return {
        "rules": [
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
            on_exit("Ignore", ExitCode.INTERRUPTED, SIGTERM_EXIT),
            on_exit("FailJob", *FINAL_EXITS),
        ]
    }
