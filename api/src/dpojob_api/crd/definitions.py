"""The CustomResourceDefinitions of DPOJob, GPUPool and CostQuota."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import GROUP, UNOBSERVED_GENERATION, VERSION
from dpojob_api.cost_quota import CostQuotaSpec, CostQuotaStatus
from dpojob_api.job import DPOJobStatus
from dpojob_api.pool import GPUPoolSpec, GPUPoolStatus
from dpojob_api.spec import MUTABLE_ALWAYS, DPOJobSpec

from .structural_schema import structural_schema

_IMMUTABLE_PARTS = tuple(
    field
    for field in (info.alias or name for name, info in DPOJobSpec.model_fields.items())
    if field not in (*MUTABLE_ALWAYS, "managedBy")
)
"""All but what may always change, and managedBy, which never does."""

_ALWAYS_THERE = tuple(
    info.alias or name
    for name, info in DPOJobSpec.model_fields.items()
    if info.is_required() or info.get_default(call_default_factory=True) is not None
)
"""Parts of the spec that are required or have a default, which the API server fills in."""

_STATUS_FIELDS_ONCE_STARTED = ("dependency", "inspection", "dataset", "plan", "completionTime")
"""Fields of the status of which at least one is set as soon as the operator has acted on the spec."""


def _unchanged(part: str) -> str:
    """A CEL expression: an edit leaves `spec.<part>` as it was."""
    self_part, old_part = f"self.spec.{part}", f"oldSelf.spec.{part}"
    if part in _ALWAYS_THERE:
        return f"{self_part} == {old_part}"
    return f"(has({self_part}) ? has({old_part}) && {self_part} == {old_part} : !has({old_part}))"


def _immutable_rule(part: str) -> dict[str, Any]:
    """The rule that `spec.<part>` may not change once the operator has acted on it.

    So what is trained is what was inspected. The API server checks the rule in the same transaction as
    the edit, and the operator writes its intent to inspect to the status before the inspection Job
    exists, so no edit can come between the two.

    The API server evaluates the rule at each write of the status too. For each field that an expression names it
    copies the schemas of all fields beside it, so the order matters: a status without a phase, which the operator
    always writes, is that of a new job; and what is unchanged needs no look at the status.

    Returns:
        A CEL rule for `x-kubernetes-validations`.
    """
    begun = " || ".join(f"has(oldSelf.status.{field})" for field in _STATUS_FIELDS_ONCE_STARTED)
    new = "!has(oldSelf.status) || !has(oldSelf.status.phase)"
    return {
        "rule": f"{new} || {_unchanged(part)} || !({begun})",
        "message": f"spec.{part} cannot change after inspection began or the job ended: verdict, plan "
        "and checkpoints are about what it was then. Create a DPOJob under a new name (or delete this "
        "one and apply again; its output claim stays). suspend, budget and ttlSecondsAfterFinished may "
        "change at any time",
        "fieldPath": f".spec.{part}",
    }


def _document(
    kind: str,
    plural: str,
    short: str,
    scope: str,
    schema: dict[str, Any],
    columns: list[tuple[str, str, str, str, int]],
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["ml"],
            },
            "scope": scope,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                    "additionalPrinterColumns": [
                        {
                            "name": name,
                            "type": type_,
                            "jsonPath": path,
                            "description": description,
                            **({"priority": priority} if priority else {}),
                        }
                        for name, type_, path, description, priority in columns
                    ],
                }
            ],
        },
    }


def _root(description: str, spec: type[Any], status: type[Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural_schema(spec, defaults=True),
            "status": _status_schema(status),
        },
    }


def _status_schema(status: type[Any]) -> dict[str, Any]:
    """The schema of a status, which is never absent: see UNOBSERVED_GENERATION."""
    schema = structural_schema(status, defaults=False)
    _own_as_a_whole(schema["properties"])
    schema["default"] = {"observedGeneration": UNOBSERVED_GENERATION}
    schema["properties"]["observedGeneration"]["default"] = UNOBSERVED_GENERATION
    return schema


def _own_as_a_whole(fields: dict[str, Any]) -> None:
    """Lets each field of a status, and each condition, have one owner for all that is in it.

    Only the operator writes a status, always as a whole. Otherwise the API server would keep the owner of every
    value in `metadata.managedFields`, which would be a third of a planned job.
    """
    conditions = fields["conditions"]["items"]
    for schema in (*fields.values(), conditions):
        if "properties" in schema:
            schema["x-kubernetes-map-type"] = "atomic"


def dpojob_crd() -> dict[str, Any]:
    """Make the CRD of DPOJob.

    Returns:
        A CustomResourceDefinition.
    """
    schema = _root(
        "Tunes a language model on preference pairs with Direct Preference "
        "Optimization: the dataset is inspected, GPUs are planned, TRL trains, and the model and its "
        "report land on a volume or a hub.",
        DPOJobSpec,
        DPOJobStatus,
    )
    schema["x-kubernetes-validations"] = [
        {
            "rule": "size(self.metadata.name) <= 63",
            "message": "a DPOJob's name has at most 63 characters: it labels the job's pods",
        },
        *(_immutable_rule(part) for part in _IMMUTABLE_PARTS),
        {
            "rule": _unchanged("managedBy"),
            "message": "spec.managedBy cannot change: two controllers would act on the job. Create a DPOJob "
            "under a new name",
            "fieldPath": ".spec.managedBy",
        },
    ]
    columns = [
        ("PHASE", "string", ".status.phase", "A summary of the conditions.", 0),
        ("MODEL", "string", ".status.display.model", "The model being tuned.", 0),
        ("POOL", "string", ".status.plan.pool", "The GPUPool it was planned on.", 0),
        ("PROGRESS", "string", ".status.display.progress", "Optimizer steps done.", 0),
        ("MARGIN", "string", ".status.display.margin", "Reward margin, chosen over rejected.", 0),
        ("WINRATE", "string", ".status.display.winRate", "Wins against the model before.", 0),
        ("ETA", "string", ".status.display.eta", "Time left at the measured rate.", 0),
        ("COST", "string", ".status.display.cost", "Spent so far.", 0),
        ("AGE", "date", ".metadata.creationTimestamp", "Since it was created.", 0),
        ("METHOD", "string", ".status.plan.method", "full, lora or qlora.", 1),
        (
            "REASON",
            "string",
            '.status.conditions[?(@.type=="Ready")].reason',
            "Why it is where it is.",
            1,
        ),
    ]
    return _document("DPOJob", "dpojobs", "dpo", "Namespaced", schema, columns)


def gpupool_crd() -> dict[str, Any]:
    """Make the CRD of GPUPool.

    Returns:
        A CustomResourceDefinition.
    """
    schema = _root("GPUs of one kind that DPOJobs may be planned on.", GPUPoolSpec, GPUPoolStatus)
    columns = [
        ("GPU", "string", ".spec.gpu.model", "Kind of GPU.", 0),
        ("MEMORY", "number", ".spec.gpu.memoryGiB", "Memory of one GPU, GiB.", 0),
        ("$/H", "string", ".spec.hourlyPrice", "Price of one GPU for one hour.", 0),
        ("NODES", "integer", ".status.nodes", "Nodes that match the selector.", 0),
        ("FREE", "integer", ".status.free", "GPUs no pod has asked for.", 0),
        ("AGE", "date", ".metadata.creationTimestamp", "Since it was created.", 0),
        ("MIN", "string", ".spec.modelSize.min", "Smallest model it is first choice for.", 1),
        ("MAX", "string", ".spec.modelSize.max", "Largest, exclusive.", 1),
    ]
    return _document("GPUPool", "gpupools", "gpool", "Cluster", schema, columns)


def costquota_crd() -> dict[str, Any]:
    """Make the CRD of CostQuota.

    Returns:
        A CustomResourceDefinition.
    """
    schema = _root(
        "Limits what the DPOJobs of a namespace may cost in a day, a week or a month. Of several in one "
        "namespace, each holds.",
        CostQuotaSpec,
        CostQuotaStatus,
    )
    columns = [
        ("MAX", "string", ".spec.maxCost", "Most that one period may cost.", 0),
        ("PERIOD", "string", ".spec.period", "Day, Week or Month.", 0),
        ("USED", "string", ".status.used", "Spent in this period.", 0),
        ("RESERVED", "string", ".status.reserved", "What admitted jobs may still cost.", 0),
        ("ENDS", "string", ".status.periodEnd", "When the period ends.", 0),
        ("AGE", "date", ".metadata.creationTimestamp", "Since it was created.", 0),
    ]
    return _document("CostQuota", "costquotas", "cquota", "Namespaced", schema, columns)
