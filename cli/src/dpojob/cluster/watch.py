"""One object as it changes, over lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from dpojob.errors import CommandError
from dpojob_api.constants import ExitCode

from .api import Api
from .api_errors import EXPIRED, FORBIDDEN, NOT_FOUND, ApiError
from .resources import Resource

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

MAX_ATTEMPTS = 5
"""Requests in a row that may fail before the watch fails."""


class ObjectDeleted(CommandError):
    """The object that was watched is gone."""


async def watch_object(
    api: Api, resource: Resource, name: str, namespace: str | None = None
) -> AsyncGenerator[JSONObject]:
    """Reads an object now and after each of its changes.

    Args:
        api: The API server.
        resource: The object's kind.
        name: Its name.
        namespace: Its namespace; None for the default, `api.access.namespace`.

    Yields:
        The object; the same state may come twice after a lost connection.

    Raises:
        ObjectDeleted: It was deleted, or deleted and made again.
        CommandError: There is no such object at the beginning, the user may not watch it, or the API server
            cannot be reached for long.
    """
    found = await api.get(resource, name, namespace)
    uid = found["metadata"]["uid"]
    failures = 0
    while True:
        if found["metadata"]["uid"] != uid:
            raise ObjectDeleted(
                f"{name} was deleted and made again; watch the new one",
                code=ExitCode.INVALID,
                reason=None,
            )
        yield found
        try:
            version = found["metadata"]["resourceVersion"]
            changes = api.watch(resource, version, namespace, fieldSelector=f"metadata.name={name}")
            async with aclosing(changes):
                async for change in changes:
                    failures = 0
                    if change["type"] == "DELETED":
                        raise ObjectDeleted(
                            f"{name} was deleted", code=ExitCode.INVALID, reason=None
                        )
                    if change["type"] == "ERROR":
                        break
                    if change["type"] == "BOOKMARK":
                        continue
                    found = change["object"]
                    if found["metadata"]["uid"] == uid:
                        yield found
            found = await api.get(resource, name, namespace)
        except ObjectDeleted:
            raise
        except CommandError as error:
            if isinstance(error, ApiError) and error.status == NOT_FOUND:
                raise ObjectDeleted(
                    f"{name} was deleted", code=ExitCode.INVALID, reason=None
                ) from error
            expired = isinstance(error, ApiError) and error.status == EXPIRED
            failures += 0 if expired else 1
            if failures == MAX_ATTEMPTS or (
                isinstance(error, ApiError) and error.status == FORBIDDEN
            ):
                raise
            await asyncio.sleep(0 if expired else 2 ** (failures - 1))
