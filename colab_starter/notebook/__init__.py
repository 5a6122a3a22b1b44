"""What a notebook says: its cells, magics, installs and Python code."""
