"""The results of a sweep as one HTML page that works offline."""
