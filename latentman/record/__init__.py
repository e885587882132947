"""The truth on disk: run folder, status, metrics and the plan of a sweep. Runs write it, reports read it."""
