"""What the user may do, as the API server says."""

from __future__ import annotations

from dpojob_api.base import JSONObject

from .api import Api
from .api_errors import FORBIDDEN, ApiError
from .resources import ACCESS_REVIEWS, Resource


async def may_list_everywhere(api: Api, resource: Resource) -> bool:
    """Asks whether the user may list a kind of object in all namespaces.

    Args:
        api: The API server.
        resource: The kind.

    Returns:
        Whether that is allowed; False also where the user may not ask.

    Raises:
        ApiError: The API server refuses the question for another reason.
        CommandError: It cannot be reached.
    """
    attributes = {"group": resource.group, "resource": resource.plural, "verb": "list"}
    review: JSONObject = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = await api.create(ACCESS_REVIEWS, review)
    except ApiError as error:
        if error.status == FORBIDDEN:
            return False
        raise
    return bool(answer["status"]["allowed"])
