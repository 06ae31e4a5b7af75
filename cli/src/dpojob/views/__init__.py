"""What the commands show: inspection reports, plans, job status and training progress as rich renderables."""
