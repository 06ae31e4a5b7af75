"""The `dpojob` command: a DPOJob inspected, planned and trained here, or followed on a cluster."""
