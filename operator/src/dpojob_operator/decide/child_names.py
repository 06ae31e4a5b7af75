"""Names of the objects created for a DPOJob: deterministic, and different for every job.

A name consists of the DPOJob's name, a hash of its UID (so that a job deleted and created again does
not find the old one's children) and, for training, the attempt. It leaves room for what Kubernetes
adds to make host names of an Indexed Job's pods, which have at most 63 characters.
"""

from __future__ import annotations

import hashlib

MAX_LENGTH = 55
"""Characters of a child's name."""


def uid_hash(uid: str) -> str:
    """Shorten a UID for use in names.

    Args:
        uid: The UID of a Kubernetes object.

    Returns:
        Eight hexadecimal digits of its SHA-256.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:8]


def _child(name: str, tail: str) -> str:
    head = name.replace(".", "-")[: MAX_LENGTH - len(tail) - 1].rstrip("-")
    return f"{head}-{tail}"


def inspection_name(name: str, uid: str) -> str:
    """Name the inspection Job.

    Args:
        name: The DPOJob's name.
        uid: The DPOJob's UID.

    Returns:
        The Job's name.
    """
    return _child(name, f"inspect-{uid_hash(uid)}")


def training_name(name: str, uid: str, attempt: int) -> str:
    """Name the training Job of one attempt.

    Args:
        name: The DPOJob's name.
        uid: The DPOJob's UID.
        attempt: The attempt's number, from 1.

    Returns:
        The Job's name.
    """
    return _child(name, f"train-{uid_hash(uid)}-{attempt}")


def rendezvous_name(training: str) -> str:
    """Name the Service of a training Job that spans nodes.

    It begins with a letter, as a Service's name must (RFC 1035) and a DPOJob's need not (RFC 1123).

    Args:
        training: The training Job's name.

    Returns:
        The Service's name.
    """
    return f"dpo-{training}"


def output_claim_name(name: str) -> str:
    """Name the claim that is created where the spec names no output.

    Args:
        name: The DPOJob's name.

    Returns:
        The claim's name.
    """
    return f"{name}-output"


def own_output_claim_name(name: str, uid: str) -> str:
    """Name that claim when an earlier job of the same name left one behind.

    Args:
        name: The DPOJob's name.
        uid: The DPOJob's UID.

    Returns:
        The claim's name.
    """
    return f"{name}-output-{uid_hash(uid)}"


def name_conflict_message(found: str) -> str:
    """Write what to do about an object that is not the DPOJob's and has the name that a child must have.

    Args:
        found: Kind and name of that object.

    Returns:
        Sentences for people.
    """
    return (
        f"{found} exists and is not this DPOJob's; it is left alone. "
        "Delete or rename it, then create this DPOJob again."
    )
