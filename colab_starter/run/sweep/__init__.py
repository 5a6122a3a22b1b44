"""What a sweep consists of: parameters, grids, sweep files, and the runs that they make."""
