"""``colab-starter check``: rules for notebooks that are to run on Colab."""
