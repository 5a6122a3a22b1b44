"""Observers of a running sweep, besides the display: what ``--also`` asks for."""
