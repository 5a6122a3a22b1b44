"""Running one notebook with many parameters: in parallel, resumable, and true about what happened."""
