"""Linear assignment between two sets of points: the solver behind the correspondence search (paper, section 3.3)."""
