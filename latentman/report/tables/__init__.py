"""Tables of a sweep, in Markdown, CSV and LaTeX."""
