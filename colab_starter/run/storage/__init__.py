"""Where a sweep is kept: in a folder on this machine, or at an address such as ``s3://bucket/sweeps/lr``."""
