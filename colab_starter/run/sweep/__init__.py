"""What is asked for: parameters, grids, files of them, and the runs that they make."""
