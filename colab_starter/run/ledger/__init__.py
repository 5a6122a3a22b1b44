"""The records of runs: the ledger, its lock, and what a command finds when it resumes a sweep."""
