"""A blind two-alternative user study from a finished sweep: build it, serve it, analyse its answers."""
