"""Where a sweep is kept: in a folder of this machine, or behind an address such as ``s3://bucket/sweeps/lr``."""
