"""Pages: one run, one job, the gallery of a sweep."""
