"""The controllers of DPOJobs and GPUPools, and the work queue and event handlers that feed them."""
