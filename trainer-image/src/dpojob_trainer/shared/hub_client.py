"""Calls to the Hugging Face hub, with its errors explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .container_environment import ContainerEnvironment
from .errors import InspectionError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Result = TypeVar("Result")

TIMEOUT = 30.0
"""Seconds to wait for the hub's answer to one question."""


def hub_api(token: str | None) -> HfApi:
    """The hub that HF_ENDPOINT names, asked with the user's token."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=ContainerEnvironment().hub_endpoint, token=token)


def hub_call(
    call: Callable[[], Result], what: str, error: Callable[[str], InspectionError]
) -> Result:
    """The call's result. Any failure becomes `error` with a sentence about `what`."""
    import httpx2 as httpx
    from huggingface_hub import errors

    try:
        return call()
    except errors.GatedRepoError:
        raise error(
            f"{what} is gated: accept its terms on its page with the account whose token is in "
            "hubTokenSecret"
        ) from None
    except errors.RevisionNotFoundError:
        raise error(f"{what} does not exist: the repository has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise error(
            f"{what} was not found on the hub, or is private; check the name, and for a private "
            "repository give a token with access in hubTokenSecret"
        ) from None
    except errors.EntryNotFoundError:
        raise error(f"{what} is not in the repository") from None
    except errors.HFValidationError as problem:
        raise error(f"{what}: {_short(problem)}") from None
    except errors.LocalEntryNotFoundError:
        raise error(f"{what} cannot be fetched: the hub cannot be reached") from None
    except errors.HfHubHTTPError as problem:
        status = problem.response.status_code if problem.response is not None else None
        if status in (401, 403):
            raise error(
                f"no access to {what}; give a token with access in hubTokenSecret"
            ) from None
        raise error(f"the hub answers {status} for {what}: {_short(problem)}") from None
    except httpx.TimeoutException:
        raise error(f"the hub does not answer in time for {what}; try again later") from None
    except httpx.TooManyRedirects:
        raise error(f"the hub redirects for ever for {what}") from None
    except (httpx.HTTPError, OSError) as problem:
        raise error(f"the hub cannot be reached for {what}: {_short(problem)}") from None


def _short(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0][:200]
