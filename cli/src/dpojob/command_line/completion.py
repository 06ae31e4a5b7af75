"""Names of jobs, pools, phases, namespaces and contexts, which a shell completes.

A completion must be quick and must never fail: what cannot be asked for within two seconds has no names.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dpojob.cluster.resources import Resource

SECONDS = 2.0
"""Longest wait for the API server while a user waits for the names."""
ZSH_FIRST_TAB = """
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  %(complete_func)s "$@"
fi
"""
"""Completes where zsh has just loaded the script for that, as click's own script does."""
NO_FILES = ":4"
"""The directive of Cobra's completion that forbids names of files (ShellCompDirectiveNoFileComp)."""


def complete_job(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the DPOJobs in the namespace of the command line.

    Args:
        context: The command line so far.
        incomplete: What was typed of the name.

    Returns:
        The names that begin so; none where the cluster does not answer.
    """
    from dpojob.cluster.resources import DPOJOBS

    return _names(DPOJOBS, context, incomplete)


def complete_pool(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the GPUPools.

    Args:
        context: The command line so far.
        incomplete: What was typed of the name.

    Returns:
        The names that begin so; none where the cluster does not answer.
    """
    from dpojob.cluster.resources import POOLS

    return _names(POOLS, context, incomplete)


def complete_phase(incomplete: str) -> list[str]:
    """Phases of a job.

    Args:
        incomplete: What was typed of the phase.

    Returns:
        The phases that begin so.
    """
    from typing import get_args

    from dpojob_api.constants import Phase

    return [name for name in get_args(Phase) if name.startswith(incomplete)]


def complete_namespace(context: typer.Context, incomplete: str) -> list[str]:
    """Namespaces that the kubeconfig names for the user: most users may not list those of the cluster.

    Args:
        context: The command line so far.
        incomplete: What was typed of the name.

    Returns:
        The names that begin so; none where the kubeconfig cannot be read.
    """
    from dpojob.cluster.kubeconfig import user_namespaces
    from dpojob.errors import CommandError

    try:
        names = user_namespaces(context.params.get("context"))
    except CommandError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_context(incomplete: str) -> list[str]:
    """Names of the kubeconfig's contexts.

    Args:
        incomplete: What was typed of the name.

    Returns:
        The names that begin so.
    """
    from dpojob.cluster.kubeconfig import context_names

    return [name for name in context_names() if name.startswith(incomplete)]


def _names(resource: Resource, context: typer.Context, incomplete: str) -> list[str]:
    import asyncio
    from functools import partial

    from dpojob.cluster.api import Api
    from dpojob.cluster.kubeconfig import load_access
    from dpojob.errors import CommandError

    given = context.params

    async def read() -> list[str]:
        load = partial(load_access, given.get("context"), given.get("namespace"))
        async with Api(load) as api:
            found = await asyncio.wait_for(api.list_all(resource), SECONDS)
        return [str(each["metadata"]["name"]) for each in found]

    try:
        return [name for name in asyncio.run(read()) if name.startswith(incomplete)]
    except (CommandError, OSError, TimeoutError):
        return []


def complete_zsh_at_once() -> None:
    """Lets the script that `--install-completion` writes for zsh complete from the first TAB of a shell on.

    zsh loads the script at that TAB; typer's only registers its function then, and completes from the second TAB on.
    """
    from typer import _completion_shared

    _completion_shared._completion_scripts["zsh"] = (
        _completion_shared.COMPLETION_SCRIPT_ZSH + ZSH_FIRST_TAB
    )


def kubectl_environment(words: Sequence[str]) -> dict[str, str]:
    """Writes a command line of `kubectl dpo` as the variables of bash's completion, which the application reads.

    kubectl runs `kubectl_complete-dpo` with the words and takes Cobra's answer: a name a line, then a directive
    (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).

    Args:
        words: The words after `kubectl dpo`; the last one is incomplete.

    Returns:
        The variables.
    """
    return {
        "_DPOJOB_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(["dpojob", *words]),
        "COMP_CWORD": str(len(words)),
    }
