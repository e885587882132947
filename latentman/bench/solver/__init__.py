"""``latentman bench solver``: every solver of the correspondence search on the same maps."""
