"""``colab-starter export``: a sweep in the formats of other tools."""
