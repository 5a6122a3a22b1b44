"""Runs on Google Colab's machines, which Google's own command ``colab`` opens and closes."""
