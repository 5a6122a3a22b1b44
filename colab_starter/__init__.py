"""colab-starter: Colab notebooks from templates, and the tools to run them."""

__version__ = "0.1.0"
