"""Displaying a sweep while it runs and after it has ended."""
