"""Downloads data files from HTTP(S) URLs, with limits on time and redirects."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2 as httpx

from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.errors import DatasetNotFound, InspectionError

from .data_files import FoundFile, FoundSource
from .deadline_network import Deadline, limit_time
from .public_network import restrict_to_public
from .scratch import scratch_directory
from .splits import split_of

MAX_REDIRECTS = 5
TIMEOUT = httpx.Timeout(30.0, connect=15.0)
"""Seconds to connect, and between two chunks of a response."""
TRIES = 3
MAX_BYTES = 64 << 30
"""The largest size of one file, in bytes."""
MAX_SECONDS = 3600.0
"""The longest time for one file, in seconds, redirects and repeated tries included."""
CHUNK_BYTES = 1 << 20


def open_urls(urls: list[str], split: str) -> FoundSource:
    """The files at the URLs, in order, not yet downloaded.

    Args:
        urls: The URLs.
        split: The name of the split; URLs have splits only where all file names give this one.

    Returns:
        The files.

    Raises:
        DatasetNotFound: The URLs' names do not say which of them belong to the split.
    """
    if split != "train" and any(split_of(urlsplit(url).path) != split for url in urls):
        raise DatasetNotFound(
            f"dataset.urls has no splits, so {split!r} of dataset.split cannot be told apart. Remove "
            "dataset.split and list the addresses of that split alone"
        )
    files = [FoundFile(_without_secrets(url), partial(_download, url)) for url in urls]
    return FoundSource(", ".join(file.name for file in files[:3]), files)


def _without_secrets(url: str) -> str:
    """The URL without user, password and query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _download(url: str) -> Path:
    name = Path(unquote(urlsplit(url).path)).name or "data"
    target = scratch_directory() / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{name}"
    if target.exists():
        return target
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    address = _without_secrets(url)
    deadline = Deadline(
        MAX_SECONDS,
        lambda: _over_limit(address, f"was not received within {MAX_SECONDS / 60:.0f} minutes"),
    )
    for tried in range(1, TRIES + 1):
        try:
            _write_response(url, unfinished, deadline)
            break
        except httpx.TooManyRedirects:
            raise DatasetNotFound(
                f"{address} redirects more than {MAX_REDIRECTS} times; give the final address"
            ) from None
        except httpx.HTTPStatusError as problem:
            status = problem.response.status_code
            if status < 500 or tried == TRIES:
                raise DatasetNotFound(
                    # The server's own phrase may be anything.
                    f"{address} answers {status} {httpx.codes.get_reason_phrase(status)}"
                ) from None
        except httpx.HTTPError as problem:
            if tried == TRIES:
                failure = (
                    "does not answer in time"
                    if isinstance(problem, httpx.TimeoutException)
                    else (f"cannot be fetched: {str(problem)[:200] or type(problem).__name__}")
                )
                raise DatasetNotFound(f"{address} {failure}") from None
        except InspectionError:
            unfinished.unlink(missing_ok=True)
            raise
        except (httpx.InvalidURL, UnicodeError) as problem:
            raise DatasetNotFound(f"{address} is not an address: {problem}") from None
    unfinished.rename(target)
    return target


def _private_address(host: str) -> InspectionError:
    return DatasetNotFound(
        f"dataset.urls: {host} is at a private, loopback or link-local address, from which this "
        "installation reads no datasets. Whoever runs it can allow the host in "
        "inspect.allowPrivateUrls of the chart; or put the files on a claim"
    )


def _over_limit(address: str, limit: str) -> InspectionError:
    return DatasetNotFound(f"{address} {limit}; put the file on a claim")


def _write_response(url: str, unfinished: Path, deadline: Deadline) -> None:
    environment = ContainerEnvironment()
    size = 0
    with httpx.Client(
        follow_redirects=True, max_redirects=MAX_REDIRECTS, timeout=TIMEOUT
    ) as client:
        limit_time(client, deadline)
        if environment.scratch is not None:
            # Outside a pod, the network is that of the user who runs the command.
            restrict_to_public(client, environment.private_urls, _private_address)
        with client.stream("GET", url) as response, unfinished.open("wb") as file:
            response.raise_for_status()
            for chunk in response.iter_bytes(CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _over_limit(
                        _without_secrets(url), f"is larger than {MAX_BYTES >> 30} GiB"
                    )
                file.write(chunk)
