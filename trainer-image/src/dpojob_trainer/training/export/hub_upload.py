"""Uploads the finished model to a hub in one commit, so that it is there completely or not at all."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError

from dpojob_api.conditions import Reason
from dpojob_trainer.shared.hub_client import hub_api
from dpojob_trainer.training.setup.errors import TrainingError

from .output_directory import model_files
from .upload_errors import TransientError


def upload_to_hub(directory: Path, repo: str, token: str | None, *, private: bool | None) -> str:
    """Upload the finished model and return "repo@commit". Raises TransientError or TrainingError.

    `private` applies to a repository that is created here; None leaves it to the hub.
    """
    api = hub_api(token)
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        if private and not api.repo_info(repo).private:
            raise TrainingError(
                Reason.PUSH_FAILED,
                f"output.push {repo} is a public repository, and hub_private_repo asks for a private one; "
                "make it private on the hub, or name another. The model is complete in output.volume.",
            )
        commit = api.create_commit(
            repo,
            operations=[
                CommitOperationAdd(str(path.relative_to(directory)), path)
                for path in model_files(directory)
            ],
            commit_message="DPO-tuned with DPOJob",
        )
    except (HfHubHTTPError, RuntimeError) as raised:
        # For a large file huggingface_hub raises a RuntimeError, caused by the HTTP error.
        error = raised if isinstance(raised, HfHubHTTPError) else raised.__cause__
        if not isinstance(error, HfHubHTTPError):
            raise TransientError(str(raised).splitlines()[0]) from raised
        status = error.response.status_code if error.response is not None else 0
        if status >= 500 or status in (0, 408, 409, 412, 429):
            raise TransientError(str(error).splitlines()[0]) from error
        raise TrainingError(
            Reason.PUSH_FAILED,
            f"the hub refused output.push {repo}: {str(error).splitlines()[0]}. Check the name and that "
            "hubTokenSecret may write there. The model is complete in output.volume.",
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
    return f"{repo}@{commit.oid}"
