"""Runs on a Ray cluster, one task each; Ray only places them, and they are executed as on one machine."""
