"""The page of `dpojob ui`: a server on the loopback address that shows the jobs of a cluster.

`cluster_watch` lists and watches the cluster through the user's kubectl, `job_store` holds what it
reported, `view_models` turns it into what the page shows, `access` refuses requests of other sites and
other users, `server` serves all of it, and `static` is the page itself.
"""

from .server import Page, serve

__all__ = ["Page", "serve"]
