"""A push to the hub: one commit, so that it is there as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import httpx2 as httpx
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from dpojob_api.conditions import Reason
from dpojob_trainer.training.setup.errors import Failure

from .output_directory import published
from .uploads import Passing


def push(directory: Path, repo: str, token: str | None, *, private: bool | None) -> str:
    """Upload the finished model; gives "repo@commit". Raises Passing or Failure.

    `private` is for a repository that is made here; None leaves it to the hub.
    """
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        if private and not api.repo_info(repo).private:
            raise Failure(
                Reason.PUSH_FAILED,
                f"output.push {repo} is a public repository, and hub_private_repo asks for a private one; "
                "make it private on the hub, or name another. The model is complete in output.volume.",
            )
        commit = api.create_commit(
            repo,
            operations=[
                CommitOperationAdd(str(path.relative_to(directory)), path)
                for path in published(directory)
            ],
            commit_message="DPO-tuned with DPOJob",
        )
    except (HfHubHTTPError, RuntimeError) as raised:
        # A large file that fails is a RuntimeError about the answer it was given.
        error = raised if isinstance(raised, HfHubHTTPError) else raised.__cause__
        if not isinstance(error, HfHubHTTPError):
            raise Passing(str(raised).splitlines()[0]) from raised
        status = error.response.status_code if error.response is not None else 0
        if status >= 500 or status in (0, 408, 409, 412, 429):
            raise Passing(str(error).splitlines()[0]) from error
        raise Failure(
            Reason.PUSH_FAILED,
            f"the hub refused output.push {repo}: {str(error).splitlines()[0]}. Check the name and that "
            "hubTokenSecret may write there. The model is complete in output.volume.",
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise Passing(f"{type(error).__name__}: {error}") from error
    return f"{repo}@{commit.oid}"
