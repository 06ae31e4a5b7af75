"""The accounting of CostQuotas: what jobs cost in a period, whom the quotas admit, and who must stop.

`record` makes the new status of all quotas of a namespace, `admission` reads it in the decision about one job.
"""

from .admission import is_recorded, quota_exceeded, wait_for_admission
from .counting import is_exhausted
from .job_cost import AttemptCost, JobCost, QuotaDemand, read_job_cost
from .periods import period_end, period_start
from .record import Reservation, reservations, updated_quotas

__all__ = [
    "AttemptCost",
    "JobCost",
    "QuotaDemand",
    "Reservation",
    "is_exhausted",
    "is_recorded",
    "period_end",
    "period_start",
    "quota_exceeded",
    "read_job_cost",
    "reservations",
    "updated_quotas",
    "wait_for_admission",
]
