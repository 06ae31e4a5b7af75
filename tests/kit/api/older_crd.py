"""The CRD of a version that did not describe `training.arguments`, in place of the present one.

A tenant's objects of that time may be nested to any depth and have any size that the API server stores.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import DPOJOBS
from tests.kit.crds import with_any_arguments
from tests.kit.waiting import LIMIT

from devcluster.control_plane import ApiError
from dpojob_api.base import JSONObject

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/dpojobs.dpojob.dev"
PROBE = {
    "apiVersion": "dpojob.dev/v1alpha1",
    "kind": "DPOJob",
    "metadata": {"name": "probe"},
    "spec": {
        "model": {"repo": "a/b"},
        "dataset": {"repo": "c/d"},
        "training": {"arguments": {"report_to": {"a": 1}}},
    },
}
"""Refused by the present CRD."""


@contextlib.asynccontextmanager
async def older_crd(api: AsyncApi) -> AsyncIterator[None]:
    """Replaces the CRD for the whole API server; watches of DPOJobs that are open meanwhile end with an error."""
    present = await replace_by_older_crd(api)
    try:
        yield
    finally:
        await serve_crd(api, present, admits=False)


async def replace_by_older_crd(api: AsyncApi) -> JSONObject:
    """Has the API server serve the older CRD; returns the present one."""
    present = await api.call("GET", CRD)
    await serve_crd(api, with_any_arguments(present), admits=True)
    return present


async def serve_crd(api: AsyncApi, crd: JSONObject, *, admits: bool) -> None:
    """Writes the CRD, and waits until the API server follows it and lists DPOJobs.

    `admits`: whether it admits any arguments. The more bytes of DPOJobs are stored, the longer the list takes.
    """
    await api.merge(CRD, {"spec": {"versions": crd["spec"]["versions"]}})
    async with asyncio.timeout(LIMIT):
        while await _is_admitted(api) is not admits or not await _is_listed(api):
            await asyncio.sleep(0.1)


async def _is_admitted(api: AsyncApi) -> bool | None:
    """Whether the probe is admitted; None while the API server exchanges what serves the objects of the CRD."""
    try:
        await api.call("POST", f"{DPOJOBS.format('default')}?dryRun=All", PROBE)
    except ApiError as error:
        if error.status in (429, 503):
            return None
        if error.status != 422:
            raise
        return False
    return True


async def _is_listed(api: AsyncApi) -> bool:
    """Whether the API server lists DPOJobs; what serves them now may have to read them first."""
    try:
        await api.items(DPOJOBS.format("default"))
    except ApiError as error:
        if error.status not in (429, 503):
            raise
        return False
    return True
