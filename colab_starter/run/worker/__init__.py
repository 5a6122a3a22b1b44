"""The worker: the process that executes one run."""
