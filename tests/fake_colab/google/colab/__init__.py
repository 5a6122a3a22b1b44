"""A stand-in for Colab's own package: Google's machines are not to be had in a test."""
