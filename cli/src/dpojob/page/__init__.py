"""The page of `dpojob ui`: a server on the loopback address that shows the jobs of a cluster.

`cluster_feed` lists and watches the cluster with the user's rights, and follows the logs of the jobs that are shown;
`job_store` holds what it reported, `view_models` turns it into what the page shows, `access` refuses requests of
other sites and other users, `redirect` is the page by which a browser signs in, `server` serves all of it, and `static` is the page itself.
"""

from .redirect import redirect_page
from .server import Page, serve

__all__ = ["Page", "redirect_page", "serve"]
