"""What is shown of a sweep while it runs and when it has ended."""
