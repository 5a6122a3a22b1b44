"""Running one notebook with many parameters: in parallel, resumable, with an accurate record of each run."""
