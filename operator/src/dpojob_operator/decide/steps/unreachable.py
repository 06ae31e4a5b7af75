"""What to do about a running pod whose progress cannot be read."""

from __future__ import annotations

import json

from dpojob_api.constants import LABEL_MANAGED_BY, MANAGED_BY, PROGRESS_PORT
from dpojob_operator.decide.status_builder import StatusBuilder

OPERATOR_LABELS = {"app.kubernetes.io/name": "dpojob-operator"}
"""The labels of the operator's pods, as the chart gives them."""


def unreachable_message(builder: StatusBuilder) -> str:
    """Compose the advice for a pod that runs and does not answer the operator.

    Args:
        builder: The status under construction.

    Returns:
        Sentences with the NetworkPolicy to write.
    """
    name = builder.job.name
    return (
        "The pod runs and its progress cannot be read; training goes on, its log has the figures "
        f"(`kubectl logs -l dpojob.dev/job={name}`), and the status has them at the end. Where this namespace "
        "denies ingress, allow it: "
        f"kubectl apply -n {builder.job.namespace} -f - <<< '{json.dumps(_policy(builder))}'"
    )


def _policy(builder: StatusBuilder) -> dict[str, object]:
    namespace = {"kubernetes.io/metadata.name": builder.policy.operator_namespace}
    source = {
        "namespaceSelector": {"matchLabels": namespace},
        "podSelector": {"matchLabels": OPERATOR_LABELS},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "dpojob-progress"},
        "spec": {
            "podSelector": {"matchLabels": {LABEL_MANAGED_BY: MANAGED_BY}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": PROGRESS_PORT}], "from": [source]}],
        },
    }
