"""The cluster's API server, reached with the user's own kubeconfig and rights.

`kubeconfig` and `credentials` find the server and the user's credentials, `connection` sends requests by a `transport`,
`api` reads, changes and watches objects, `claims` reads what lies on a claim through a short-lived pod, and `client` has
what a notebook and the commands use. Everything is written once, asynchronously; `client.Client` is its synchronous form.
"""

__all__ = [
    "access_review",
    "api",
    "api_errors",
    "claims",
    "client",
    "connection",
    "credentials",
    "event_loop",
    "job_facts",
    "kubeconfig",
    "resources",
    "sync_client",
    "transport",
    "watch",
]
