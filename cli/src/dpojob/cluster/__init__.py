"""The cluster's API server, reached with the user's own kubeconfig and rights.

`kubeconfig` and `credentials` find the server and the user's credentials, `api` sends requests, `pod_exec` runs
a command in a pod, `claim_reader` reads what lies on a claim through a short-lived pod, and `client` has what a
notebook and the commands use. Everything is written once, asynchronously; `client.Client` is its synchronous form.
"""

__all__ = [
    "api",
    "api_errors",
    "claim_reader",
    "client",
    "credentials",
    "event_loop",
    "job_facts",
    "kubeconfig",
    "pod_exec",
    "reader_pod",
    "resources",
    "sync_client",
    "watch",
]
