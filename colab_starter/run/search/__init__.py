"""Searches for the best parameters: what to search, what to try next, which runs to end early."""
