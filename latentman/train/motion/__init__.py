"""``latentman train motion``: a small MDM with its own text encoder."""
