"""Runs a command in a pod, and reads what it writes.

The protocol is the API server's WebSocket protocol v4.channel.k8s.io: the first byte of each message is the
channel, 1 for standard output, 2 for standard error, 3 for a Status object at the end
(https://pkg.go.dev/k8s.io/client-go/tools/remotecommand).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from dpojob.cluster.api_errors import api_error
from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.cluster.resources import PODS
from dpojob.errors import CommandError

ERROR_LIMIT = 2000
"""Characters of standard error that a message repeats."""


async def exec_in_pod(
    access: ClusterAccess, namespace: str, pod: str, command: Sequence[str]
) -> AsyncGenerator[bytes]:
    """Runs a command in the pod's only container.

    Args:
        access: How the API server is reached.
        namespace: The pod's namespace.
        pod: Its name.
        command: The program and its arguments.

    Yields:
        What it writes on standard output.

    Raises:
        ApiError: The user may not run commands in this pod, or there is none.
        CommandError: The command failed, or the connection broke.
    """
    path = f"{PODS.path(namespace, pod)}/exec"
    query = urlencode(
        [("stdout", "true"), ("stderr", "true"), *(("command", part) for part in command)]
    )
    errors = b""
    status: Any = None
    try:
        async with connect(
            f"ws{access.server.removeprefix('http')}{path}?{query}",
            ssl=access.tls,
            subprotocols=[Subprotocol("v4.channel.k8s.io")],
            additional_headers=dict(access.headers),
            proxy=access.proxy if access.proxy is not None else True,
            compression=None,
            max_size=None,
        ) as socket:
            async for message in socket:
                data = message.encode() if isinstance(message, str) else message
                match data[:1]:
                    case b"\x01":
                        yield data[1:]
                    case b"\x02":
                        errors = (errors + data[1:])[:ERROR_LIMIT]
                    case b"\x03":
                        status = json.loads(data[1:])
    except InvalidStatus as error:
        body = error.response.body or b""
        refused = api_error(error.response.status_code, bytes(body), path)
        raise refused from error
    except (WebSocketException, OSError) as error:
        raise CommandError(f"the connection to pod {pod} broke: {error}", reason=None) from error
    if status is None or status.get("status") != "Success":
        text = errors.decode(errors="replace").strip() or (status or {}).get(
            "message", "it ended early"
        )
        raise CommandError(f"reading in pod {pod} failed: {text}", reason=None)
