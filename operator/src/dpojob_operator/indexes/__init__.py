"""What is remembered from lists, watches and answers: stores of objects, and which keys to queue for a change."""

from .dependents_index import DependentsIndex
from .inspection_cache import InspectionCache
from .job_costs import JobCosts
from .object_stores import ObjectStores
from .ordered_groups import OrderedGroups
from .output_lock_index import OutputLockIndex
from .output_writers import pods_that_may_write
from .pod_lists import PodLists
from .quota_index import QuotaIndex

__all__ = [
    "DependentsIndex",
    "InspectionCache",
    "JobCosts",
    "ObjectStores",
    "OrderedGroups",
    "OutputLockIndex",
    "PodLists",
    "QuotaIndex",
    "pods_that_may_write",
]
