"""Overlays: environments on top of a kernel's own, into which the notebook installs packages."""
