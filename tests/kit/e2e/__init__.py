"""Parts of the end-to-end tests: what scrapes, watches and builds beside the job."""
