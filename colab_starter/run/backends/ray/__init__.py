"""Runs on a Ray cluster, a task each; Ray only places them, what executes them is the same as on one machine."""

from colab_starter.run.backends.ray.backend import RayBackend

__all__ = ["RayBackend"]
