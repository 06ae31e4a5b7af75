"""Field types and CEL rules that several parts of the spec share.

CEL rules are in `json_schema_extra` under `x-kubernetes-validations`, beside the model they guard;
`dpojob_api.crd` copies them into the CRD. They are not repeated in Python: the API server checks them at
`kubectl apply`, and `dpojob_api.manifest` evaluates them for the command line, which works offline.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from dpojob_api.base import StrictModel

DNS_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
SECRET_KEY = r"^[-._a-zA-Z0-9]+$"
"""The pattern that the API server requires of a Secret's keys; otherwise no pod could be created."""
REPO = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$"
REVISION = r"^[A-Za-z0-9_][A-Za-z0-9_+=@-]*([./][A-Za-z0-9_+=@-]+)*$"
"""The names that `git check-ref-format` allows, except those with `..` or with a character that has a
meaning in a URL, such as `refs/pr/1`, `v1.0` or a commit hash."""
SPLIT = r"^[^$+{}]*$"
"""No variable that nothing replaces, and not several splits, as `datasets.load_dataset` takes them by `train+test`."""

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=DNS_NAME)]
Column = Annotated[str, Field(min_length=1, max_length=256)]
Repository = Annotated[str, Field(min_length=1, max_length=200, pattern=REPO)]
Split = Annotated[str, Field(min_length=1, max_length=100, pattern=SPLIT)]
Revision = Annotated[str, Field(min_length=1, max_length=250, pattern=REVISION)]
RelativePath = Annotated[str, Field(max_length=1024)]
ControllerName = Annotated[
    str,
    Field(
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+$",
    ),
]
"""A domain, a slash and a path, as the API server requires of a Job's `spec.managedBy`."""
PATH_RULE = {
    "rule": "!has(self.path) || (!self.path.startsWith('/') && !self.path.split('/').exists(p, p == '..'))",
    "message": "path is relative to the claim's root and may not contain '..'; "
    "write it without a leading '/', like 'data/train.jsonl'",
}


def one_of(*fields: str, kind: str) -> dict[str, Any]:
    """Write a CEL rule: exactly one of some fields is set.

    Args:
        *fields: Names of the fields, as in the manifest.
        kind: What the fields are places of, for the rule's message.

    Returns:
        `rule` and `message`.
    """
    count = " + ".join(f"(has(self.{field}) ? 1 : 0)" for field in fields)
    names = ", ".join(fields[:-1]) + f" or {fields[-1]}"
    return {
        "rule": f"{count} == 1",
        "message": f"set exactly one of {names}: they are different places to find the {kind}",
    }


def validations(*rules: dict[str, Any]) -> dict[str, Any]:
    """Make the schema extras that carry CEL rules into the CRD.

    Args:
        *rules: `rule` and `message` of each.

    Returns:
        A value for a model's `json_schema_extra`.
    """
    return {"x-kubernetes-validations": list(rules)}


class ClaimPath(StrictModel, json_schema_extra=validations(PATH_RULE)):
    """A directory or file on a PersistentVolumeClaim of the job's namespace."""

    claim_name: Name = Field(description="Name of the PersistentVolumeClaim.")
    path: RelativePath = Field(
        default="",
        description="Path on the claim, relative to its root; for datasets also a glob such as "
        "'data/*.parquet'. Default: the root.",
    )


class SecretKey(StrictModel):
    """One key of a Secret in the job's namespace."""

    name: Name = Field(description="Name of the Secret.")
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=SECRET_KEY)] = Field(
        default="token", description="Key in the Secret. Default: token."
    )


class SecretName(StrictModel):
    """A Secret in the job's namespace."""

    name: Name = Field(description="Name of the Secret.")
