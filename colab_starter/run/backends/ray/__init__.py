"""Runs on a Ray cluster, a task each; Ray only places them, what executes them is the same as on one machine."""
