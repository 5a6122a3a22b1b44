"""Runs on Google Colab's machines, through Google's own command ``colab``."""

from colab_starter.run.backends.colab.backend import ColabBackend

__all__ = ["ColabBackend"]
