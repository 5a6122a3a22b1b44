"""Runs on the kernels of Jupyter servers."""
