"""Names of the objects made for a DPOJob: the same every time, and never another job's.

A name holds the DPOJob's own, a hash of its UID (a job deleted and created again meets none of the
old one's children) and, for training, the attempt. It leaves room for what Kubernetes adds to make
host names of an Indexed Job's pods, which have at most 63 characters.
"""

from __future__ import annotations

import hashlib

LONGEST = 55


def uid_hash(uid: str) -> str:
    """Eight hexadecimal digits that stand for a UID."""
    return hashlib.sha256(uid.encode()).hexdigest()[:8]


def _child(name: str, tail: str) -> str:
    head = name.replace(".", "-")[: LONGEST - len(tail) - 1].rstrip("-")
    return f"{head}-{tail}"


def inspection_name(name: str, uid: str) -> str:
    """Of the inspection Job."""
    return _child(name, f"inspect-{uid_hash(uid)}")


def training_name(name: str, uid: str, attempt: int) -> str:
    """Of the training Job of one attempt."""
    return _child(name, f"train-{uid_hash(uid)}-{attempt}")


def rendezvous_name(training: str) -> str:
    """Of the Service of a training Job that spans nodes.

    It begins with a letter, as a Service's name must (RFC 1035) and a DPOJob's need not (RFC 1123).
    """
    return f"dpo-{training}"


def output_claim_name(name: str) -> str:
    """Of the claim made where no output is given."""
    return f"{name}-output"


def own_output_claim_name(name: str, uid: str) -> str:
    """Of that claim when an earlier job of the same name left one behind."""
    return f"{name}-output-{uid_hash(uid)}"
