"""Commands that make a job or prepare one: `run`, `check` and `init`.

`sources` reads what a user names as model or dataset, `job_options` builds a manifest from options,
`dataset_check` inspects a dataset for which there is no job yet, and `commented_manifest` writes a file.
"""

__all__ = [
    "check",
    "commented_manifest",
    "dataset_check",
    "init",
    "job_options",
    "run",
    "sources",
]
