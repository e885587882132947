"""Measurements of the project's own parts, as ratios within one run."""
