"""The controller of DPOJobs: reads the state, calls `decide`, writes the status and executes actions."""
