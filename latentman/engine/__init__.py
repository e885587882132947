"""One command: its words, its configuration, the jobs of a sweep, and their launchers."""
