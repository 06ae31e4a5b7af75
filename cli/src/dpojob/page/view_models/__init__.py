"""What the page shows, as pure functions from the cluster's objects to JSON.

`overview` is the list of all jobs, `job_details` one job, `comparison` several; `job_row` is the line
of a job that all of them begin with, `waiting` what a job waits for, and `printable` makes text of
unknown origin safe to show. Times stay timestamps, so that equal states give equal JSON.
"""

from .comparison import comparison
from .job_details import job_details
from .overview import overview
from .printable import printable

__all__ = ["comparison", "job_details", "overview", "printable"]
