"""What is known of runs: the ledger, its lock, and what a command finds when it goes on with a sweep."""
